"""What an API token may do, in the words of people. Pure functions over the core's scopes."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.tokens.models import SCOPES

NOUNS: Mapping[str, str] = {
    "agents": "Agents",
    "workflows": "Workflows",
    "runs": "Runs",
    "approvals": "Approvals",
    "keys": "Keys",
    "usage": "Usage",
    "budgets": "Budgets",
    "webhooks": "Webhooks",
    "account": "Your account",
    "admin": "Administration",
}
_VERBS: Mapping[str, str] = {"runs:write": "start", "approvals:write": "decide"}
READ_ONLY: tuple[str, ...] = tuple(scope for scope in SCOPES if scope.endswith(":read"))
EVERYTHING: tuple[str, ...] = tuple(SCOPES)


def grouped() -> dict[str, list[str]]:
    """Return the scopes by what they are about, with its heading."""
    found: dict[str, list[str]] = {heading: [] for heading in NOUNS.values()}
    for scope in SCOPES:
        noun = scope.partition(":")[0]
        found.setdefault(NOUNS.get(noun, noun.capitalize()), []).append(scope)
    return found


def in_words(scopes: Collection[str]) -> str:
    """Return a line such as "Agents: see · Runs: see and start"; short words for the usual choices."""
    if set(scopes) >= set(EVERYTHING):
        return "Everything you may do"
    if set(scopes) == set(READ_ONLY):
        return "Read only: sees everything you see"
    parts = []
    for heading, of in grouped().items():
        given = [_verb(scope) for scope in of if scope in scopes]
        if given:
            parts.append(f"{heading}: {' and '.join(given)}")
    return " · ".join(parts)


def _verb(scope: str) -> str:
    if scope in _VERBS:
        return _VERBS[scope]
    return "see" if scope.endswith(":read") else "change"
