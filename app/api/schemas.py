"""What every body and every answer has in common."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic_core import PydanticUndefined

T = TypeVar("T")

Id = Annotated[str, Field(max_length=60, description="An opaque id.", examples=["agent_01jd8x…"])]
# Money. JavaScript's numbers are exact up to here: nine billion dollars.
MAX_MICROS = 9_007_199_254_740_991
Micros = Annotated[int, Field(ge=0, le=MAX_MICROS, description="Micro-dollars: 1000000 is one dollar.")]


class Input(BaseModel):
    """A body: unknown fields are refused, and nothing is converted. Dates take ``strict=False`` on their field."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Change(Input):
    """Makes every field optional: ``class AgentChange(Change, AgentDraft)``. What is left out stays as it is.

    Read it with ``model_dump(exclude_unset=True)``.
    """

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Take the defaults away, so that the description does not promise them."""
        super().__pydantic_init_subclass__(**kwargs)
        for field in cls.model_fields.values():
            field.default, field.default_factory = PydanticUndefined, _nothing
        cls.model_rebuild(force=True)


def _nothing() -> None:
    return None


class Query(BaseModel):
    """What stands behind the question mark: unknown names are refused."""

    model_config = ConfigDict(extra="forbid")


class Output(BaseModel):
    """An answer; it is read off a value of the core by its fields' names."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class Page(Output, Generic[T]):
    """A piece of a list; ``next`` is the ``cursor`` of the piece after it, null at the end."""

    items: list[T]
    next: str | None


def _plain(value: tuple[str, ...]) -> list[str]:
    return list(value)


Strings = Annotated[tuple[str, ...], PlainSerializer(_plain, return_type=list[str])]
