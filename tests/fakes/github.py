"""A stand-in for GitHub: OAuth 2 with PKCE, errors with status 200, and the two API calls that say who it is."""

from __future__ import annotations

from tests.fakes.oauth_server import CLIENT_ID, CLIENT_SECRET, OLGA, Account, OAuthServer, Reply, Request


class FakeGitHub(OAuthServer):
    """Tokens live forever and there is no refresh, as with an OAuth app."""

    authorise_path = "/login/oauth/authorize"
    token_path = "/login/oauth/access_token"
    sends_basic = False

    def __init__(self, account: Account = OLGA) -> None:
        super().__init__(account)
        self.sends_refresh, self.life_seconds = False, None
        self.grant_path = f"/applications/{CLIENT_ID}/grant"
        self.routes[("GET", "/user")] = self._user
        self.routes[("GET", "/meta")] = lambda _: Reply(200, {})
        self.routes[("GET", "/user/emails")] = self._emails
        self.routes[("DELETE", self.grant_path)] = self._delete_grant

    def token_error(self, code: str) -> Reply:
        code = {"invalid_grant": "bad_verification_code", "invalid_client": "incorrect_client_credentials"}[code]
        return Reply(200, {"error": code, "error_description": "canary-of-the-provider"})

    def _user(self, request: Request) -> Reply:
        grant = self.access.get(request.bearer)
        if grant is None:
            return Reply(401, {"message": "Bad credentials"})
        return Reply(200, {"id": int(grant.account.subject), "login": "octo", "name": grant.account.name})

    def _emails(self, request: Request) -> Reply:
        grant = self.access.get(request.bearer)
        if grant is None:
            return Reply(401, {"message": "Bad credentials"})
        other = {"email": "old@example.com", "primary": False, "verified": True}
        mine = {"email": grant.account.email, "primary": True, "verified": grant.account.verified}
        return Reply(200, [other, mine])

    def _delete_grant(self, request: Request) -> Reply:
        if request.basic != (CLIENT_ID, CLIENT_SECRET):
            return Reply(401, {})
        self.revoked.append(request.form["access_token"])
        return Reply(204, "")
