"""How agents and workflows are called as tools: names that every client takes, that stay as others come and go."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from app.api.offers import Offer

# Claude and OpenAI take no more, though the protocol does.
MAX_NAME = 64
SUFFIX = 6


def named(offers: Sequence[Offer]) -> Mapping[str, Offer]:
    """Return offers by the names of their tools, the oldest first.

    Of several with one name the oldest has it; the others have the end of their ids behind it. So nothing that is
    called by its name changes because somebody makes another one.
    """
    found: dict[str, Offer] = {}
    for offer in sorted(offers, key=lambda one: (one.created_at, one.id)):
        name = _plain(offer.name)
        if name in found:
            name = f"{name[: MAX_NAME - SUFFIX - 1]}_{offer.id[-SUFFIX:]}"
        found.setdefault(name, offer)
    return found


def _plain(name: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", ascii_only.lower()).strip("_")[:MAX_NAME].strip("_") or "agent"
