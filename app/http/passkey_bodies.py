"""What the script of the passkey page posts: JSON of a bounded size, every field with its form."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.requests import Request

from core.errors import Invalid
from core.passkeys.models import Assertion, Attestation

MAX_BODY_BYTES = 64 * 1024
_MAX_TEXT = 40_000


def _from_base64url(value: object) -> bytes:
    if not isinstance(value, str) or len(value) > _MAX_TEXT or not value.isascii():
        raise ValueError("not base64url")
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("not base64url") from None


Bytes = Annotated[bytes, BeforeValidator(_from_base64url)]
CredentialId = Annotated[Bytes, Field(min_length=1, max_length=1023)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Begin(_Strict):
    """Asks what the device has to do; ``token`` is that of a half sign-in."""

    token: str = Field("", max_length=200)


class MadePasskey(_Strict):
    """What ``navigator.credentials.create`` has returned."""

    id: CredentialId
    clientDataJSON: Bytes
    attestationObject: Bytes
    transports: list[Annotated[str, Field(max_length=20)]] = Field(default_factory=list, max_length=10)

    def value(self) -> Attestation:
        """Return it for the core."""
        return Attestation(self.id, self.clientDataJSON, self.attestationObject, tuple(self.transports))


class UsedPasskey(_Strict):
    """What ``navigator.credentials.get`` has returned."""

    id: CredentialId
    clientDataJSON: Bytes
    authenticatorData: Bytes
    signature: Bytes
    userHandle: Bytes | None = None

    def value(self) -> Assertion:
        """Return it for the core."""
        return Assertion(
            self.id, self.clientDataJSON, self.authenticatorData, self.signature, self.userHandle or None
        )


class FinishAdding(_Strict):
    """A new passkey, and where to go on."""

    answer: MadePasskey
    next: str = Field("/", max_length=2000)


class FinishUse(Begin):
    """A passkey that was used, and where to go on."""

    answer: UsedPasskey
    next: str = Field("/", max_length=2000)


Body = TypeVar("Body", bound=_Strict)


async def read_body(request: Request, form: type[Body]) -> Body:
    """Return the body of a request.

    Raises:
        Invalid: it is too large, no JSON, or not of this form.
    """
    refusal = Invalid("The browser sent something that cannot be read. Reload the page and try again.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise refusal
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise refusal
    try:
        return form.model_validate_json(body)
    except ValidationError:
        raise refusal from None
