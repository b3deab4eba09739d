"""What a provider says about somebody, in the form in which people may see it: printable and of one line."""

from __future__ import annotations

from core.oauth.models import Profile, Tokens


def line(text: str, limit: int) -> str:
    """Return a provider's text as one printable line."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())[:limit].strip()


def name(profile: Profile) -> str:
    """Return somebody's name, as long as its column."""
    return line(profile.name, 120)


def scopes(fresh: Tokens) -> tuple[str, ...]:
    """Return the scopes that fit into their column."""
    return tuple(" ".join(fresh.scopes)[:1000].split())
