"""Secrets at rest: AES-256-GCM, bound to the row they belong to, under a ring of master keys.

A sealed value is ``1 ‖ key id (2 bytes) ‖ nonce (12 bytes) ‖ ciphertext and tag``. The context (installation,
table, row, field, owner, version) is authenticated, so a value moved to another row does not open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from core.errors import MasterKeyWrong, SecretLost, SecretUnreadable
from core.security.redact import register_secret

FORMAT = 1
KEY_BYTES = 32
NONCE_BYTES = 12
HEAD_BYTES = 3


def head_of(key_id: int) -> bytes:
    """Return how every value begins that is sealed with a master key."""
    return bytes([FORMAT]) + key_id.to_bytes(HEAD_BYTES - 1, "big")


def key_id_of(sealed: bytes) -> int:
    """Return the number of the master key that a value is sealed with; only it opens the value."""
    return int.from_bytes(sealed[1:HEAD_BYTES], "big")


class RingSource(Protocol):
    """Where the master keys come from: asked each time, for they may change while a process runs."""

    def current(self) -> KeyRing:
        """Return the master keys of this moment."""


@dataclass(frozen=True)
class KeyRing:
    """The master keys by id; the first seals, all open. Never printed."""

    masters: Mapping[int, bytes] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Read ``2:<base64 of 32 bytes>,1:…``, newest first.

        Raises:
            MasterKeyWrong: it has another form.
        """
        masters: dict[int, bytes] = {}
        for entry in filter(None, (part.strip() for part in text.split(","))):
            number, _, encoded = entry.partition(":")
            try:
                key_id, key = int(number), base64.b64decode(encoded, validate=True)
            except (ValueError, binascii.Error):
                key_id, key = 0, b""
            if not 0 < key_id < 65536 or len(key) != KEY_BYTES or key_id in masters:
                raise MasterKeyWrong(
                    "ZOARK_MASTER_KEYS is wrong: write 1:<base64 of 32 bytes>, several separated by commas."
                )
            masters[key_id] = key
        if not masters:
            raise MasterKeyWrong("ZOARK_MASTER_KEYS is missing: set it to 1:<base64 of 32 random bytes>.")
        return cls(masters)

    @classmethod
    def generate(cls) -> KeyRing:
        """Make a ring with one new random key."""
        return cls({1: os.urandom(KEY_BYTES)})

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: caches and session stores would keep the keys."""
        raise TypeError("a key ring is never pickled")

    def current(self) -> KeyRing:
        """Return this ring: keys that were given never change."""
        return self

    @property
    def newest(self) -> int:
        """The number of the key that seals."""
        return next(iter(self.masters))

    def with_new(self, key_id: int) -> KeyRing:
        """Return a ring with a new random key in front."""
        return KeyRing({key_id: os.urandom(KEY_BYTES), **self.masters})

    def without(self, key_id: int) -> KeyRing:
        """Return a ring that lacks a key."""
        return KeyRing({number: key for number, key in self.masters.items() if number != key_id})

    def render(self) -> str:
        """Return the ring in the form that ``parse`` reads: a secret."""
        return ",".join(f"{number}:{base64.b64encode(key).decode()}" for number, key in self.masters.items())

    def derive(self, label: str, key_id: int | None = None) -> bytes:
        """Return 32 bytes for one purpose (HKDF-SHA256, RFC 5869); of the oldest key unless told."""
        chosen = min(self.masters) if key_id is None else key_id
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"zoark/" + label.encode()).derive(self.masters[chosen])

    def checks(self, install_id: str) -> dict[str, str]:
        """Return a value per key that proves possession without revealing it."""
        return {
            str(key_id): hmac.new(self.derive("check", key_id), install_id.encode(), hashlib.sha256).hexdigest()
            for key_id in self.masters
        }


class Vault:
    """Seals and opens secrets for one installation."""

    def __init__(
        self, rings: RingSource, install_id: str, registered: Collection[tuple[str, str]] | None = None
    ) -> None:
        """Bind the ring to the installation, so that a stolen row is worthless in another one.

        Args:
            rings: a ring, or where the present one is found.
            install_id: the installation's id.
            registered: table and field of all that may be sealed; None is for tests. Rotation finds nothing else.
        """
        self._rings = rings
        self._install_id = install_id
        self._registered = registered

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled, as its ring does."""
        raise TypeError("a vault is never pickled")

    def seal(self, secret: str, **context: str | int) -> bytes:
        """Encrypt ``secret``; the same ``context`` is needed to open it."""
        register_secret(secret)
        return self.seal_text(secret, **context)

    def seal_text(self, text: str, **context: str | int) -> bytes:
        """Encrypt a text that may have secrets in it but is none itself: nobody looks for the whole of it."""
        if self._registered is not None and (context["table"], context["field"]) not in self._registered:
            raise AssertionError(f"declare the column of {context['table']} with core.db.tables.base.sealed")
        return self._seal(text.encode(), context)

    def unseal(self, sealed: bytes, **context: str | int) -> SecretStr:
        """Decrypt a secret.

        Raises:
            SecretLost: its master key is not here.
            SecretUnreadable: it belongs to another row, or was changed.
        """
        secret = self.unseal_text(sealed, **context)
        register_secret(secret.get_secret_value())
        return secret

    def unseal_text(self, sealed: bytes, **context: str | int) -> SecretStr:
        """Decrypt what ``seal_text`` has encrypted; raises what ``unseal`` raises."""
        try:
            return SecretStr(self._open(sealed, context).decode())
        except UnicodeDecodeError:
            raise SecretUnreadable from None

    def reseal(self, sealed: bytes, **context: str | int) -> bytes:
        """Return the same secret under the newest master key; raises what ``unseal`` raises."""
        return self._seal(self._open(sealed, context), context)

    def has_key(self, key_id: int) -> bool:
        """Whether a master key is here."""
        return key_id in self._rings.current().masters

    def _seal(self, plain: bytes, context: Mapping[str, str | int]) -> bytes:
        ring, nonce = self._rings.current(), os.urandom(NONCE_BYTES)
        head = head_of(ring.newest)
        cipher = AESGCM(ring.derive("secrets", ring.newest))
        return head + nonce + cipher.encrypt(nonce, plain, self._bound(head, context))

    def _open(self, sealed: bytes, context: Mapping[str, str | int]) -> bytes:
        head, nonce = sealed[:HEAD_BYTES], sealed[HEAD_BYTES : HEAD_BYTES + NONCE_BYTES]
        if len(head) < HEAD_BYTES or head[0] != FORMAT:
            raise SecretUnreadable
        ring, key_id = self._rings.current(), key_id_of(sealed)
        if key_id not in ring.masters:
            raise SecretLost
        try:
            cipher = AESGCM(ring.derive("secrets", key_id))
            return cipher.decrypt(nonce, sealed[HEAD_BYTES + NONCE_BYTES :], self._bound(head, context))
        except (InvalidTag, ValueError):  # ValueError: cut off inside the nonce
            raise SecretUnreadable from None

    def _bound(self, head: bytes, context: Mapping[str, str | int]) -> bytes:
        return head + json.dumps({**context, "install": self._install_id}, sort_keys=True).encode()
