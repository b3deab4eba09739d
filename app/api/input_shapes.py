"""The inputs of workflows in bodies, and where in them an error is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from pydantic import Field

from core.errors import Invalid

MAX_INPUTS = 200
Inputs = Annotated[
    dict[Annotated[str, Field(max_length=80)], Any],
    Field(max_length=MAX_INPUTS, examples=[{"text": "I was charged twice.", "amount": 12.5}]),
]


@contextmanager
def in_inputs(*beside: str) -> Iterator[None]:
    """Say of errors about input fields where these are in the body; ``beside`` are other fields that it has."""
    try:
        yield
    except Invalid as error:
        if error.field is None or error.field in ("budget_micros", *beside):
            raise
        raise Invalid(error.sentence, f"inputs.{error.field}") from None
