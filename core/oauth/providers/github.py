"""GitHub and GitHub Enterprise: OAuth 2 without OpenID Connect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from pydantic import SecretStr

from core.errors import BadResponse
from core.oauth.base import Channel, Endpoints, Provider, get_json, get_object, is_accepted
from core.oauth.checks import Checklist, Problem
from core.oauth.models import Client, Profile, Tokens

if TYPE_CHECKING:
    from core.config import Settings
    from core.security.egress import GuardedClient


class GitHub(Provider):
    """No ID token: who it is is asked of the API, over TLS, with the token that was just handed out."""

    name = "github"
    label = "GitHub"
    mark = "github.svg"
    scopes = ("read:user", "user:email")
    fields = ("client_id", "client_secret", "base_url", "api_url")

    def client(self, settings: Settings) -> Client | None:
        """Read ``ZOARK_OAUTH_GITHUB_…``."""
        if not settings.oauth_github_client_id:
            return None
        return Client(
            settings.oauth_github_client_id,
            settings.oauth_github_client_secret,
            base_url=settings.oauth_github_base_url.rstrip("/"),
            api_url=settings.oauth_github_api_url.rstrip("/"),
        )

    def endpoints(self, client: Client, http: GuardedClient) -> Endpoints:
        """Return its fixed addresses."""
        return Endpoints(
            issuer=client.base_url,
            authorise=f"{client.base_url}/login/oauth/authorize",
            token=f"{client.base_url}/login/oauth/access_token",
            revoke=f"{client.api_url}/applications/{client.id}/grant",
            client_auth="client_secret_post",
        )

    def identity(self, channel: Channel, tokens: Tokens, nonce: str) -> Profile:
        """Return the person by number (a login can be renamed and taken) and their primary verified address."""
        api = channel.client.api_url
        person = get_object(channel.http, f"{api}/user", tokens.access)
        addresses = get_json(channel.http, f"{api}/user/emails", tokens.access)
        number = person.get("id")
        if not isinstance(number, int) or isinstance(number, bool) or not isinstance(addresses, list):
            raise BadResponse
        primary = next((a for a in addresses if isinstance(a, dict) and a.get("primary") is True), {})
        return Profile(
            issuer=channel.at.issuer,
            subject=str(number),
            email=str(primary.get("email") or ""),
            email_verified=primary.get("verified") is True,
            name=str(person.get("name") or person.get("login") or ""),
        )

    def check(self, client: Client, look: Checklist) -> None:
        """See whether both of its servers answer."""
        at = self.endpoints(client, look.http)
        with look.step("Sign-in page", "The sign-in page answers."):
            _expect_life(look, at.authorise, self.setting("base_url"))
        with look.step("API", "The API answers."):
            _expect_life(look, f"{client.api_url}/meta", self.setting("api_url"))

    def accepts(self, channel: Channel, access: SecretStr) -> bool:
        """Ask the API who it is."""
        return is_accepted(channel.http, f"{channel.client.api_url}/user", access)

    def revoke(self, channel: Channel, tokens: Tokens) -> bool:
        """Delete the grant and with it every token of this person."""
        client = channel.client
        response = channel.http.request(
            "DELETE",
            channel.at.revoke,
            json={"access_token": tokens.access.get_secret_value()},
            auth=httpx.BasicAuth(client.id, client.secret.get_secret_value()),
        )
        if response.status_code not in (204, 404):  # 404: it is gone already
            raise BadResponse
        return True


def _expect_life(look: Checklist, url: str, setting: str) -> None:
    status = look.get(url, setting).status_code
    # Without a session it sends to its sign-in, without a token it may forbid: both show that it is there.
    if status >= 500 or status == 404:
        raise Problem(f"{url} answers with status {status}. Check {setting}.")


PROVIDER = GitHub()
