"""What sharing is made of: a thing, somebody it is shared with, and how far their rights go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Kind = Literal["agent", "key", "workflow"]
# Each level includes the ones before it.
Level = Literal["view", "run", "edit"]
LEVELS: tuple[Level, ...] = get_args(Level)
GranteeKind = Literal["person", "department", "everyone", "agent"]

# So many colleagues are offered to choose from; others are found by their whole address.
COLLEAGUES_LIMIT = 500


@dataclass(frozen=True)
class Grantee:
    """Whom something is shared with; ``id`` is a person's, a department's slug, an agent's, or empty for everyone.

    A key shared with an agent is lent to it: whoever may run the agent runs it on that key, and on nothing else.
    """

    kind: GranteeKind
    id: str = ""


EVERYONE = Grantee("everyone")


@dataclass(frozen=True)
class Share:
    """One line of a thing's list of shares; ``name`` is how a person knows the grantee."""

    grantee: Grantee
    name: str
    level: Level
    created_at: datetime


@dataclass(frozen=True)
class Access:
    """How far somebody's rights to a thing go, and whose it is.

    ``is_owner`` holds for whoever looks after it like an owner, too: administrators after the keys of the pool.
    """

    level: Level = "edit"
    is_owner: bool = True
    owner_name: str = ""

    def reaches(self, wanted: Level) -> bool:
        """Whether this includes ``wanted``; an owner's includes everything."""
        return self.is_owner or LEVELS.index(self.level) >= LEVELS.index(wanted)


@dataclass(frozen=True)
class Owner:
    """Whose a thing is; a suspended owner's things stay, but nobody runs on their keys."""

    id: str
    name: str
    is_active: bool


@dataclass(frozen=True)
class Colleague:
    """Somebody to share with, as everybody in the organisation may see them."""

    id: str
    name: str
    email: str
