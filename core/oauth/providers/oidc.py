"""Any other OpenID Connect provider: Keycloak, Okta, Authentik, the company's own."""

from __future__ import annotations

from core.oauth.openid import OpenIdProvider


class SingleSignOn(OpenIdProvider):
    """The provider that ZOARK_OAUTH_OIDC_METADATA_URL names."""

    name = "oidc"
    label = "single sign-on"
    mark = "single_sign_on.svg"


PROVIDER = SingleSignOn()
