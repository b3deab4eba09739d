"""Where the MCP server is: outside of the OpenAPI document, for it speaks a protocol of its own."""

from __future__ import annotations

from fastapi import APIRouter

from app.api.mcp.endpoint import Endpoint

router = APIRouter()
router.add_route("/mcp", Endpoint(), methods=["GET", "POST", "DELETE"], include_in_schema=False)  # type: ignore[arg-type]
