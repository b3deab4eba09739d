"""Under which address people open this installation, for links that an answer has."""

from __future__ import annotations

from fastapi import Request

from app import runtime


def site(request: Request) -> str:
    """Return ZOARK_BASE_URL, else where this request came in."""
    return runtime.get_core().settings.base_url.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"
