"""A fake OpenID Connect provider, of one issuer or, as Microsoft, of one per tenant; it can lie in every claim."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.fakes.oauth_server import CLIENT_ID, OLGA, Account, Grant, OAuthServer, Reply, Request

TENANT = "3f2b1a90-1111-4222-8333-944444444444"
Claims = dict[str, Any]

_RSA = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
_EC = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"})


class FakeOpenId(OAuthServer):
    """``change`` rewrites the claims of the next ID tokens; ``algorithm`` may be a forbidden one."""

    def __init__(self, account: Account = OLGA, tenant: str = "") -> None:
        super().__init__(account)
        self.tenant = tenant
        self.algorithm = "RS256"
        self.signer: RSAKey | ECKey | None = None
        self.kid: str | None = ""  # empty: the right one; None: the token names none
        self.published: list[RSAKey | ECKey] = [_RSA, _EC]
        self.keys_without_names = False
        self.change: Callable[[Claims], Claims] = lambda claims: claims
        self.change_metadata: Callable[[Claims], Claims] = lambda document: document
        self.userinfo: Claims | None = None
        folder = "/common/v2.0" if tenant else ""
        self.metadata_path = f"{folder}/.well-known/openid-configuration"
        self.metadata_url = self.url + self.metadata_path
        self.issuer = f"{self.url}/{{tenantid}}/v2.0" if tenant else self.url
        self.routes[("GET", self.metadata_path)] = self._metadata
        self.routes[("GET", "/keys")] = self._keys
        self.routes[("POST", "/revoke")] = self._revoke
        self.routes[("GET", "/userinfo")] = self._userinfo

    def token_answer(self, grant: Grant, access: str) -> dict[str, Any]:
        return {"id_token": self._signed(self.change(self._claims(grant)))}

    def _claims(self, grant: Grant) -> Claims:
        now, who = int(time.time()), grant.account
        claims: Claims = {
            "iss": self.issuer.replace("{tenantid}", self.tenant),
            "sub": who.subject,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 600,
            "nonce": grant.nonce,
            "name": who.name,
            "email": who.email,
        }
        return {
            **claims,
            **({"tid": self.tenant, "xms_edov": who.verified} if self.tenant else {"email_verified": who.verified}),
        }

    def _signed(self, claims: Claims) -> str:
        if self.algorithm in ("none", "HS256"):  # by hand: joserfc refuses to make such a token
            head = _part({"alg": self.algorithm, "typ": "JWT", "kid": "rsa-1"})
            text = f"{head}.{_part(claims)}"
            mac = hmac.new(_RSA.as_pem(private=False), text.encode(), hashlib.sha256).digest()
            return f"{text}.{_base64(mac) if self.algorithm == 'HS256' else ''}"
        usual = self.published[1 if self.algorithm == "ES256" else 0]
        kid = self.kid if self.kid or self.kid is None else usual.kid
        header = {"alg": self.algorithm, **({"kid": kid} if kid else {})}
        return jwt.encode(header, claims, self.signer or usual, [self.algorithm])

    def rotate(self) -> None:
        """Sign with other keys from now on."""
        self.published = [
            RSAKey.generate_key(2048, {"kid": "rsa-2", "use": "sig"}),
            ECKey.generate_key("P-256", {"kid": "ec-2", "use": "sig"}),
        ]

    def _metadata(self, request: Request) -> Reply:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": self.url + self.authorise_path,
            "token_endpoint": self.url + self.token_path,
            "jwks_uri": self.url + "/keys",
            "revocation_endpoint": self.url + "/revoke",
            "userinfo_endpoint": self.url + "/userinfo",
            "code_challenge_methods_supported": ["S256"],
        }
        return Reply(200, self.change_metadata(document))

    def _keys(self, request: Request) -> Reply:
        symmetric = {"kty": "oct", "k": "AAAA", "kid": "oct-1"}  # a careless provider; must not be used
        public = [key.as_dict(private=False) for key in self.published]
        if self.keys_without_names:
            public = [{name: value for name, value in key.items() if name != "kid"} for key in public]
        return Reply(200, {"keys": [symmetric, *public]})

    def _revoke(self, request: Request) -> Reply:
        if not self._knows_client(request):
            return Reply(401, {})
        self.revoked.append(request.form["token"])
        return Reply(200, "")

    def _userinfo(self, request: Request) -> Reply:
        if request.bearer not in self.access:
            return Reply(401, {})
        return Reply(200, self.userinfo or {"sub": self.access[request.bearer].account.subject})


def _part(value: Claims) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
