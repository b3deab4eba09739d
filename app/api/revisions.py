"""ETags of what has revisions: whoever sends If-Match changes only what they have read."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from app.api.failures import RevisionChanged

IfMatch = Annotated[
    str | None,
    Header(max_length=200, description="The ETag that was read. When it is another one now, the answer is 412."),
]


def etag(revision: int) -> str:
    """Return the ETag of a revision."""
    return f'"{revision}"'


def check_match(given: str | None, revision: int) -> None:
    """Raise ``RevisionChanged`` when If-Match names other revisions than the present one."""
    if given is None or given.strip() == "*":
        return
    if etag(revision) not in [one.strip() for one in given.split(",")]:
        raise RevisionChanged
