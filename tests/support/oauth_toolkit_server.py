"""Django OAuth Toolkit as an OpenID Connect provider on loopback: started by ``tests.support.oauth_toolkit``.

A process of its own, because Django keeps its settings for the whole process.
"""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

LOGIN = """<!doctype html><title>Company sign-in</title><h1>Company sign-in</h1>
<form method="post">{% csrf_token %}<label>User {{ form.username }}</label>
<label>Password {{ form.password }}</label>{{ form.errors }}<button>Log in</button></form>"""


class LoopbackServer(ThreadingMixIn, WSGIServer):
    """Browsers keep connections open: one thread would wait for them."""

    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def configure(folder: Path, url: str) -> None:
    """Set Django up: PKCE required, and every rule of RFC 9700 that it knows switched on."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    strict = (
        "IMPLICIT_GRANT",
        "PASSWORD_GRANT",
        "PKCE_METHOD",
        "PKCE_REQUIRED",
        "AUTHZ_RESPONSE_ISS",
        "REFRESH_TOKEN",
        "REDIRECT_URI_MATCHING",
        "ACCESS_TOKEN_TRANSPORT",
        "TOKEN_STORAGE",
    )
    settings.configure(
        SECRET_KEY=secrets.token_urlsafe(32),
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.staticfiles",
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "provider.db"}},
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "context_processors": ["django.template.context_processors.request"],
                    "loaders": [
                        ("django.template.loaders.locmem.Loader", {"registration/login.html": LOGIN}),
                        "django.template.loaders.app_directories.Loader",
                    ],
                },
            }
        ],
        # Cookies know no ports: Zoark runs on the same host.
        SESSION_COOKIE_NAME="company_session",
        CSRF_COOKIE_NAME="company_csrf",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        STATIC_URL="/static/",
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True,
            "OIDC_RSA_PRIVATE_KEY": key.decode(),
            "OIDC_ISS_ENDPOINT": f"{url}/o",
            "OAUTH2_VALIDATOR_CLASS": f"{__name__}.claims_validator",
            "SCOPES": {"openid": "Who you are", "email": "Your e-mail address", "profile": "Your name"},
            "PKCE_REQUIRED": True,
            "ACCESS_TOKEN_EXPIRE_SECONDS": 50,  # less than Zoark wants left of a token: each use renews it
            "ROTATE_REFRESH_TOKEN": True,
            **{f"COMPLIANT_BCP_RFC9700_{name}": True for name in strict},
        },
    )
    django.setup()


def claims_validator(*args: Any, **kwargs: Any) -> Any:
    """Return the toolkit's validator, which in addition tells what Zoark asks for."""
    from oauth2_provider.oauth2_validators import OAuth2Validator

    class Validator(OAuth2Validator):  # type: ignore[misc]
        def get_additional_claims(self, request: Any) -> dict[str, Any]:
            user = request.user
            return {
                "email": user.email,
                "email_verified": user.last_name != "unverified",  # the one free column of the user table
                "name": user.first_name,
            }

    return Validator(*args, **kwargs)


def fill(client: dict[str, str], people: list[dict[str, str]]) -> None:
    """Register Zoark and the people."""
    from django.contrib.auth.models import User
    from oauth2_provider.models import Application

    for person in people:
        User.objects.create_user(**person)
    Application.objects.create(
        name="Zoark",
        client_id=client["id"],
        client_secret=client["secret"],
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris=client["redirect_uri"],
        algorithm=Application.RS256_ALGORITHM,
    )


def discovery(request: Any) -> Any:
    """Serve the toolkit's metadata, and in it the revocation endpoint, which it leaves to RFC 8414's document."""
    from django.http import JsonResponse
    from oauth2_provider.views import ConnectDiscoveryInfoView

    answer = ConnectDiscoveryInfoView.as_view()(request)
    document = json.loads(answer.content)
    revoke = document["token_endpoint"].replace("/token/", "/revoke_token/")
    return JsonResponse({**document, "revocation_endpoint": revoke})


def main(folder: Path, port: int, about: dict[str, Any]) -> None:
    """Serve until the process is ended."""
    configure(folder, f"http://127.0.0.1:{port}")
    from django.contrib.auth.views import LoginView

    call_command("migrate", verbosity=0)
    fill(about["client"], about["people"])
    globals()["urlpatterns"] = [
        path("accounts/login/", LoginView.as_view()),
        path("o/.well-known/openid-configuration", discovery),
        path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    ]
    make_server("127.0.0.1", port, get_wsgi_application(), LoopbackServer, QuietHandler).serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.stdin.read()))
