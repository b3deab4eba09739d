"""A fake for every sign-in provider, and the settings that lead to it."""

from __future__ import annotations

from tests.fakes.github import FakeGitHub
from tests.fakes.oauth_server import CLIENT_ID, CLIENT_SECRET, OAuthServer
from tests.fakes.openid import TENANT, FakeOpenId


def fake_of(provider: str) -> OAuthServer:
    """Return a fake of a provider, not yet running."""
    if provider == "github":
        return FakeGitHub()
    return FakeOpenId(tenant=TENANT if provider == "microsoft" else "")


def settings_of(provider: str, fake: OAuthServer) -> dict[str, str]:
    """Return the settings that set up a provider at its fake."""
    prefix = f"ZOARK_OAUTH_{provider.upper()}"
    where = (
        {f"{prefix}_METADATA_URL": fake.metadata_url}
        if isinstance(fake, FakeOpenId)
        else {f"{prefix}_BASE_URL": fake.url, f"{prefix}_API_URL": fake.url}
    )
    return {f"{prefix}_CLIENT_ID": CLIENT_ID, f"{prefix}_CLIENT_SECRET": CLIENT_SECRET, **where}
