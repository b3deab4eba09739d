"""``django-oauth-toolkit`` from PyPI in a process of its own: a provider of another make, with a database."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from core.oauth.openid import WELL_KNOWN
from tests.support.app_server import ROOT, free_port

CLIENT_ID = "zoark-at-the-company"
CLIENT_SECRET = "canary-client-secret: 100% / +"
PASSWORD = "company password"


@dataclass(frozen=True)
class Colleague:
    """Somebody with an account at the provider."""

    username: str
    email: str
    name: str
    is_verified: bool = True

    def row(self) -> dict[str, str]:
        return {
            "username": self.username,
            "email": self.email,
            "password": PASSWORD,
            "first_name": self.name,
            "last_name": "" if self.is_verified else "unverified",
        }


@dataclass(frozen=True)
class OAuthToolkit:
    """The running provider."""

    url: str
    folder: Path

    @property
    def settings(self) -> dict[str, str]:
        """The settings of Zoark that lead to it."""
        return {
            "ZOARK_OAUTH_OIDC_CLIENT_ID": CLIENT_ID,
            "ZOARK_OAUTH_OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "ZOARK_OAUTH_OIDC_METADATA_URL": f"{self.url}/o{WELL_KNOWN}",
        }

    @property
    def address(self) -> str:
        return self.url.removeprefix("http://")

    def live_tokens(self, username: str) -> tuple[int, int]:
        """Return how many access and refresh tokens of a person the provider still accepts."""
        of = "JOIN auth_user u ON u.id = t.user_id WHERE u.username = ?"
        with closing(sqlite3.connect(self.folder / "provider.db", timeout=10)) as connection:
            access = connection.execute(
                f"SELECT count(*) FROM oauth2_provider_accesstoken t {of}", (username,)
            ).fetchone()[0]
            refresh = connection.execute(
                f"SELECT count(*) FROM oauth2_provider_refreshtoken t {of} AND t.revoked IS NULL", (username,)
            ).fetchone()[0]
        return access, refresh

    def forget_tokens(self) -> None:
        """Drop every token, as an administrator there can."""
        with closing(sqlite3.connect(self.folder / "provider.db", timeout=10)) as connection, connection:
            connection.execute("DELETE FROM oauth2_provider_refreshtoken")
            connection.execute("DELETE FROM oauth2_provider_accesstoken")


@contextmanager
def oauth_toolkit(folder: Path, redirect_uri: str, *people: Colleague) -> Iterator[OAuthToolkit]:
    """Run it with Zoark as its one client, which may be sent back to ``redirect_uri``."""
    port = free_port()
    about = {
        "client": {"id": CLIENT_ID, "secret": CLIENT_SECRET, "redirect_uri": redirect_uri},
        "people": [person.row() for person in people],
    }
    provider = OAuthToolkit(f"http://127.0.0.1:{port}", folder)
    log = (folder / "provider.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.oauth_toolkit_server", str(folder), str(port)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
    )
    assert process.stdin
    process.stdin.write(json.dumps(about).encode())
    process.stdin.close()
    try:
        for _ in range(1500):
            if process.poll() is not None:
                raise RuntimeError((folder / "provider.log").read_text())
            try:
                httpx.get(f"{provider.url}/o{WELL_KNOWN}", timeout=1)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        else:
            raise TimeoutError((folder / "provider.log").read_text())
        yield provider
    finally:
        process.terminate()
        process.wait(60)
        log.close()
