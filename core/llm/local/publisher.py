"""The first source: the file in its publisher's own repository, fetched through the outbound guard."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import CoreError, RunCancelled
from core.llm.local.about import DOWNLOAD_URL, FILE
from core.llm.local.source import Cancelled, Source, SourceFailed

if TYPE_CHECKING:
    from core.security.egress import EgressPolicy

_CONNECT_SECONDS = 3.0
_SILENCE_SECONDS = 20.0
_TOTAL_SECONDS = 3600.0
# Hugging Face answers with a redirect to its storage, sometimes with one more in between.
_MAX_REDIRECTS = 3


def publisher(
    url: str = DOWNLOAD_URL, *, size_bytes: int = FILE.size_bytes, policy: EgressPolicy | None = None
) -> Source:
    """Give the source that streams ``url``.

    Args:
        url: where the file is.
        size_bytes: its exact size; more is refused.
        policy: which addresses may be called, redirects included; by default any public one over https.
    """

    def chunks(_scratch: Path, _cancelled: Cancelled) -> Generator[bytes, None, None]:
        try:
            yield from _stream(url, size_bytes, policy)
        except RunCancelled:
            raise
        except CoreError as error:
            raise SourceFailed(_sentence_part(error)) from error

    return Source(name="the publisher's repository", chunks=chunks)


def _stream(url: str, size_bytes: int, policy: EgressPolicy | None) -> Generator[bytes, None, None]:
    # Imported here: the child process and the pages read this package without needing the guard.
    import httpx

    from core.security.egress import EgressPolicy, guarded_client

    with guarded_client(
        policy or EgressPolicy(),
        total_seconds=_TOTAL_SECONDS,
        max_bytes=size_bytes,
        connect_seconds=_CONNECT_SECONDS,
        read_seconds=_SILENCE_SECONDS,
    ) as client:
        target = httpx.URL(url)
        for _hop in range(_MAX_REDIRECTS + 1):
            with client.stream("GET", target) as answer:
                if answer.has_redirect_location:
                    target = target.join(answer.headers["location"])
                    continue
                if answer.status_code != httpx.codes.OK:
                    raise SourceFailed(f"answered with status {answer.status_code}")
                yield from answer.iter_raw()
                return
        raise SourceFailed("redirects too often")


def _sentence_part(error: CoreError) -> str:
    reasons = {
        "unreachable": "cannot be reached",
        "timeout": "did not answer in time",
        "address_blocked": "leads to an address that is not allowed",
        "response_too_large": "has a different file",
    }
    return reasons.get(error.code, "gave an answer that cannot be read")
