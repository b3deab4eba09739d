"""Pages of lists. A cursor is opaque: it names the last item that was given."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import Field

from app.api.schemas import BEGINNING, END, Query
from core.errors import Invalid

T = TypeVar("T")
MOST, USUAL = 200, 50
MAX_CURSOR = 400
MAX_NAME = 64


class PageQuery(Query):
    """Which piece of a list."""

    limit: Annotated[int, Field(ge=1, le=MOST, description="The most items to return.")] = USUAL
    cursor: Annotated[str | None, Field(max_length=MAX_CURSOR, description="`next` of the page before.")] = None


def cut(items: Sequence[T], query: PageQuery, key: Callable[[T], str]) -> tuple[list[T], str | None]:
    """Return a piece of a short list that is read as a whole, and the next cursor.

    An item that is gone by the time of the next page is found by its place, so nothing is lost but what is new.
    """
    start = 0
    if query.cursor is not None:
        name, place = decode(query.cursor, str, int)
        start = next((index + 1 for index, item in enumerate(items) if _short(key(item)) == name), place)
    piece = list(items[start : start + query.limit])
    end = start + len(piece)
    return piece, encode(_short(key(piece[-1])), end) if piece and end < len(items) else None


def _short(name: str) -> str:
    """Return an id as it is; names can be of any length, and a cursor cannot."""
    if len(name) <= MAX_NAME and name.isascii():
        return name
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def encode(*parts: str | int) -> str:
    """Return a cursor that holds these parts."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def decode(cursor: str, *types: type) -> list[Any]:
    """Return the parts of a cursor.

    Raises:
        Invalid: it is no cursor, or one of another list.
    """
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        parts = None
    is_right = isinstance(parts, list) and len(parts) == len(types)
    if not is_right or any(type(part) is not kind for part, kind in zip(parts, types, strict=True)):
        raise Invalid("This cursor is not one of this list.", "cursor")
    if any(isinstance(part, int) and not 0 <= part < 2**53 for part in parts):
        raise Invalid("This cursor is not one of this list.", "cursor")
    return list(parts)


def moment_and_id(cursor: str) -> tuple[datetime, str]:
    """Return the moment and the id in a cursor.

    Raises:
        Invalid: it is no cursor, or one of another list.
    """
    written, name = decode(cursor, str, str)
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        at = None
    if at is None or at.utcoffset() is None or not BEGINNING <= at < END:
        raise Invalid("This cursor is not one of this list.", "cursor")
    return at, name


def piece(found: Sequence[T], query: PageQuery, cursor: Callable[[T], str]) -> tuple[list[T], str | None]:
    """Return a piece of a long list, of which one item more than ``query.limit`` was read, and the next cursor."""
    items = list(found[: query.limit])
    return items, cursor(items[-1]) if len(found) > len(items) else None
