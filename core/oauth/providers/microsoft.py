"""Microsoft accounts: of one tenant, of any company, or personal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core.oauth.base import Channel
from core.oauth.openid import WELL_KNOWN, OpenIdProvider

# The metadata of /common has the issuer https://login.microsoftonline.com/{tenantid}/v2.0.
TENANT = "{tenantid}"
SHARED = ("common", "organizations", "consumers")
PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Microsoft(OpenIdProvider):
    """OpenID Connect with an issuer per tenant, and addresses that nobody has verified."""

    name = "microsoft"
    label = "Microsoft"
    mark = "microsoft.svg"
    scopes = ("openid", "email", "profile", "offline_access")

    def may_be_issuer(self, issuer: str, metadata_url: str) -> bool:
        """Allow the template in the documents that are shared by all tenants."""
        filled = (issuer.replace(TENANT, shared) for shared in SHARED) if TENANT in issuer else (issuer,)
        return metadata_url in {one.rstrip("/") + WELL_KNOWN for one in filled}

    def issuer_for(self, channel: Channel, claims: Mapping[str, Any]) -> str:
        """Fill the template with the token's own tenant."""
        tenant = claims.get("tid")
        if TENANT not in channel.at.issuer:
            return channel.at.issuer
        if not isinstance(tenant, str) or not _GUID.fullmatch(tenant):
            raise ValueError("the token names no tenant")
        return channel.at.issuer.replace(TENANT, tenant)

    def is_verified(self, channel: Channel, claims: Mapping[str, Any]) -> bool:
        """Believe an address of the one tenant that is set up, a personal one, or one with a proven domain.

        Any tenant's administrator can write any address into ``email`` ("nOAuth"). The optional claim
        ``xms_edov`` says that the tenant owns the address's domain.
        """
        if TENANT not in channel.at.issuer or claims.get("tid") == PERSONAL_TENANT:
            return True
        return claims.get("xms_edov") in (True, 1, "1", "true")


PROVIDER = Microsoft()
