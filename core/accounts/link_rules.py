"""Which page a link in a mail opens, how often links go out, and how long they are remembered."""

from __future__ import annotations

from datetime import timedelta

from core.accounts.models import LinkKind

PAGES: dict[LinkKind, str] = {"verification": "verify", "reset": "new-password", "invitation": "invitation"}
RESETS_AN_HOUR_PER_ADDRESS = 5
RESETS_AN_HOUR_PER_ORIGIN = 20
VERIFICATIONS_AN_HOUR = 5
KEPT = timedelta(days=30)
# Sent by mail, or handed over as a link where there is no mail.
INVITATIONS: tuple[LinkKind, ...] = ("invitation", "handed")
