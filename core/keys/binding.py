"""What a key's secret is bound to: whoever moves it to another row, owner or address cannot open it."""

from __future__ import annotations

import json

from core.keys.models import Key
from core.keys.registry import kind_named


def origin(key: Key) -> str:
    """Return where the secret goes, in one text: its address and those settings of its kind that lead it."""
    led_by = kind_named(key.provider).led_by(key.settings)
    return json.dumps([key.provider, key.base_url, led_by], sort_keys=True) if led_by else key.base_url


def context(key: Key) -> dict[str, str | int]:
    """Return what the secret is sealed with; the table declares the same of its columns, for sealing anew."""
    return {
        "table": "keys",
        "row": key.id,
        "field": "secret",
        "owner": key.owner_id,
        "origin": origin(key),
        "version": key.secret_version,
    }
