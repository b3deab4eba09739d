"""The list of errors."""

from __future__ import annotations

from tests.api.calls.call import Call, everybody

CALLS = {"list_errors": Call(everybody(200))}
