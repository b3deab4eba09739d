"""How keys do: their state, what they were used for, what depends on them and who may use them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

from core import clock
from core.accounts.models import User
from core.db import Connection, Database
from core.errors import SecretLost
from core.keys.advice import explained
from core.keys.failing import ABOUT_THE_KEY
from core.keys.models import REMINDERS, Dependent, Family, Key, KeyBreaks, KeyHealth, KeyState
from core.keys.refusals import sentence_of
from core.keys.registry import kind_named
from core.keys.rights import looks_after, require_care
from core.keys.service import Keys
from core.local_model.service import LocalModel
from core.runs.service import Runs
from core.sharing.models import Share
from core.sharing.service import Sharing
from core.usage.models import KeyUse
from core.usage.service import Usage

# Per noun: which family of keys it uses, and what it answers who asks for everything that uses one of these keys.
Dependents = Sequence[tuple[Family, Callable[[Connection, Collection[str]], Sequence[Dependent]]]]

ALARMING: frozenset[KeyState] = frozenset({"lost", "failing", "expired", "expiring"})
_BUILT_IN: Mapping[str, KeyState] = {"ready": "works", "failed": "failing", "absent": "untested"}


class Health:
    """Answers how keys do: everything to who looks after a key, to others what is theirs."""

    def __init__(
        self,
        db: Database,
        keys: Keys,
        sharing: Sharing,
        usage: Usage,
        runs: Runs,
        local_model: LocalModel,
        look_ups: Dependents,
    ) -> None:
        """Ask each of ``look_ups`` what uses a key of its family: one entry a noun."""
        self._db = db
        self._keys = keys
        self._sharing = sharing
        self._usage = usage
        self._runs = runs
        self._local_model = local_model
        self._look_ups = look_ups

    def get(self, actor: User, key_id: str) -> KeyHealth:
        """Return how one key does; ``NotFound`` for a stranger's."""
        return self._of(actor, [self._keys.get(actor, key_id)])[0]

    def list(self, actor: User) -> Sequence[KeyHealth]:
        """Return how the actor's keys do and those shared with them, newest first."""
        return self._of(actor, self._keys.list(actor))

    def alarms(self, actor: User) -> Sequence[KeyHealth]:
        """Return the actor's own keys that do not work or that expire within 14 days."""
        own = [key for key in self._keys.list(actor) if key.access.is_owner]
        return [
            health for health in self._of(actor, own) if health.state in ("lost", "failing", "expired", "expiring")
        ]

    def what_breaks(self, actor: User, key_id: str) -> KeyBreaks:
        """Return what would break without a key.

        Raises:
            NotFound: the key is a stranger's.
            Forbidden: the actor does not look after it.
        """
        key = self._keys.get(actor, key_id)
        require_care(key)
        with self._db.read() as connection:
            dependents = self._dependents(connection, [key])
            runs = self._named(connection, self._runs.active_on_key(connection, key.id))
            shares = self._sharing.shares(connection, "key", [key.id]).get(key.id, ())
        return KeyBreaks(tuple(dependents), tuple(runs), tuple(shares))

    def _of(self, actor: User, keys: Sequence[Key]) -> Sequence[KeyHealth]:
        """Return how keys do, in a number of statements that does not grow with them."""
        if not keys:
            return []
        cared_for = [key.id for key in keys if looks_after(key)]
        others = [key.id for key in keys if not looks_after(key)]
        use = self._usage.of_keys(cared_for) | self._usage.of_keys(others, actor.id)
        with self._db.read() as connection:
            dependents = self._dependents(connection, keys)
            shares = self._sharing.shares(connection, "key", cared_for)
        built_in = self._built_in_state() if any(_is_built_in(key) for key in keys) else None
        today = clock.now().date()
        return [
            _health(
                key,
                looks_after(key),
                use[key.id],
                [d for d in dependents if d.key_id == key.id and (key.id in cared_for or d.owner_id == actor.id)],
                shares.get(key.id, ()),
                built_in if _is_built_in(key) else None,
                today,
            )
            for key in keys
        ]

    def _dependents(self, connection: Connection, keys: Sequence[Key]) -> Sequence[Dependent]:
        found: list[Dependent] = []
        for family, look_up in self._look_ups:
            key_ids = [key.id for key in keys if key.family == family]
            found += look_up(connection, key_ids) if key_ids else ()
        return self._named(connection, found)

    def _named(self, connection: Connection, found: Sequence[Dependent]) -> Sequence[Dependent]:
        owners = self._sharing.owners(connection, {one.owner_id for one in found})
        return [replace(one, owner_name=owners[one.owner_id].name) for one in found]

    def _built_in_state(self) -> KeyState:
        return _BUILT_IN.get(self._local_model.status().state, "preparing")


def _health(
    key: Key,
    is_looked_after: bool,
    use: KeyUse,
    dependents: Sequence[Dependent],
    shares: Sequence[Share],
    built_in: KeyState | None,
    today: date,
) -> KeyHealth:
    found = verdict(key, use)
    days_left = (key.expires_on - today).days if key.expires_on else None
    return KeyHealth(
        key=key,
        state=state_of(key, found, days_left, built_in),
        trouble=_trouble(key, found),
        usual_error=sentence_of(use.errors[0].code) if use.errors else "",
        days_left=days_left,
        is_metered=key.family == "llm",
        is_looked_after=is_looked_after,
        last_used_at=key.last_used_at if is_looked_after else use.last_at,
        use=use,
        dependents=tuple(dependents),
        shares=tuple(shares),
    )


def verdict(key: Key, use: KeyUse) -> str | None:
    """Return the newest that is known of a key: ``ok``, or the code with which a test or a call failed.

    None: nothing is known. A failed call counts only where it says something about the key itself.
    """
    known = [(error.last_at, error.code) for error in use.errors if error.code in ABOUT_THE_KEY]
    if use.last_answered_at:
        known.append((use.last_answered_at, "ok"))
    if key.tested_at and key.test_code and key.test_code != "preparing":
        known.append((key.tested_at, key.test_code))
    return max(known)[1] if known else None


def state_of(key: Key, found: str | None, days_left: int | None, built_in: KeyState | None) -> KeyState:
    """Return the one word for how a key does: what keeps it from working first, then what soon will."""
    if key.disabled_at:
        return "disabled"
    if key.is_lost:
        return "lost"
    if built_in:
        return built_in
    if found not in (None, "ok"):
        return "failing"
    if days_left is not None and days_left <= REMINDERS[0]:
        return "expired" if days_left < 0 else "expiring"
    return "works" if found else "untested"


def _trouble(key: Key, found: str | None) -> str:
    if key.is_lost:
        return SecretLost().sentence
    if found is None or found == "ok":
        return ""
    return explained(kind_named(key.provider), found) or sentence_of(found)


def _is_built_in(key: Key) -> bool:
    return kind_named(key.provider).is_built_in
