"""Errors: every code there is, with its status and its sentence."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import Field

from app.api.catalogue import catalogue
from app.api.paging import PageQuery, cut
from app.api.principal import Visitor
from app.api.route import router as new_router
from app.api.schemas import Output, Page

router = new_router("errors")


class ErrorShown(Output):
    """An error; ``status`` is null where no request is answered with it, but a run tells it."""

    code: Annotated[str, Field(examples=["conflict"])]
    status: Annotated[int | None, Field(examples=[409])]
    retryable: Annotated[bool, Field(description="Whether the same request may succeed later.")]
    sentence: str


@router.get("/errors", tags=["public"], dependencies=[Visitor])
def list_errors(query: Annotated[PageQuery, Query()]) -> Page[ErrorShown]:
    """Return every error code. The codes are stable; the sentences are for people and may be worded anew."""
    found, after = cut(catalogue(), query, lambda entry: entry.code)
    return Page(items=[ErrorShown.model_validate(entry) for entry in found], next=after)
