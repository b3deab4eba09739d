"""The rules of sharing: only an owner shares, a role still bounds what a share allows, and nothing is shown by it.

The nouns ask ``access`` and ``levels`` inside their own transactions; what pages and routes call takes the actor.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from core import clock
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.accounts.service import normalise_email
from core.audit.service import Audit
from core.db import Connection, Database
from core.departments.service import Departments
from core.errors import Forbidden, Invalid, NoSuchPerson, NotFound
from core.sharing import repository
from core.sharing.models import (
    COLLEAGUES_LIMIT,
    LEVELS,
    Access,
    Colleague,
    Grantee,
    Kind,
    Level,
    Owner,
    Share,
)

OwnerOf = Callable[[Connection, str], str | None]
InCareOf = Callable[[Connection, User], Collection[str]]


@dataclass(frozen=True)
class Shareable:
    """A kind of thing that can be shared: ``owner_of`` tells the id of its owner, or None when it is gone.

    ``in_care_of`` tells the ids of those that somebody looks after like an owner, though they are not theirs.
    """

    owner_of: OwnerOf
    asks_proof: bool
    in_care_of: InCareOf


class Sharing:
    """Share agents, keys and workflows with colleagues, departments or everybody, to view, run or edit."""

    def __init__(self, db: Database, departments: Departments, audit: Audit) -> None:
        """Know ``departments``; tell ``audit``. The nouns register what can be shared."""
        self._db = db
        self._departments = departments
        self._audit = audit
        self._shareable: dict[Kind, Shareable] = {}

    def register(
        self,
        kind: Kind,
        owner_of: OwnerOf,
        *,
        asks_proof: bool = False,
        in_care_of: InCareOf = lambda _connection, _actor: (),
    ) -> None:
        """Let a noun's things be shared; with ``asks_proof`` after a step-up only."""
        self._shareable[kind] = Shareable(owner_of, asks_proof, in_care_of)

    # --- for pages and routes --------------------------------------------------------------------

    def list(self, actor: User, kind: Kind, object_id: str) -> Sequence[Share]:
        """Return whom a thing of the actor's is shared with.

        Raises:
            NotFound: the actor does not know this thing.
            Forbidden: it is somebody else's.
        """
        with self._db.read() as connection:
            self._require_owner(connection, actor, kind, object_id)
            return repository.of_objects(connection, kind, [object_id]).get(object_id, [])

    def grant(self, actor: User, kind: Kind, object_id: str, grantee: Grantee, level: Level) -> None:
        """Share a thing, or change how far an existing share goes.

        Raises:
            NotFound: the actor does not know this thing, or there is no such person.
            Forbidden: it is somebody else's.
            StepUpRequired: it is a key, and it is long ago that the actor proved who they are.
            Invalid: there is no such department or level, or it is the actor themselves.
        """
        if level not in LEVELS:
            raise Invalid("Choose what they may do: view, run or edit.", "level")
        self._check_grantee(actor, kind, grantee)
        with self._db.transaction() as connection:
            self._require_owner(connection, actor, kind, object_id)
            self._check_exists(connection, actor, grantee)
            repository.put(connection, kind, object_id, grantee, level, actor.id, clock.now())
            self._record(connection, actor, f"{kind}.shared", kind, object_id, grantee, level=level)

    def revoke(self, actor: User, kind: Kind, object_id: str, grantee: Grantee) -> None:
        """End a share; runs that have begun ask again before their next node."""
        with self._db.transaction() as connection:
            self._require_owner(connection, actor, kind, object_id)
            if not repository.remove(connection, kind, object_id, grantee):
                raise NotFound(what="share")
            self._record(connection, actor, f"{kind}.unshared", kind, object_id, grantee)

    def colleagues(self, actor: User) -> Sequence[Colleague]:
        """Return the active people but the actor, by name, 500 at most."""
        with self._db.read() as connection:
            return repository.colleagues(connection, actor.id, COLLEAGUES_LIMIT)

    def colleague_at(self, actor: User, email: str) -> Grantee:
        """Return the person of a whole address, as somebody to share with.

        Raises:
            NoSuchPerson: nobody active has this address.
        """
        with self._db.read() as connection:
            found = repository.active_person(connection, email=normalise_email(email[:1000]))
        if found is None:
            raise NoSuchPerson
        return Grantee("person", found)

    # --- for the nouns ---------------------------------------------------------------------------

    def levels(self, connection: Connection, actor: User, kind: Kind) -> dict[str, Level]:
        """Return the ids of what is shared with the actor, or in their care, and how far."""
        found = repository.levels(connection, actor, kind)
        return found | dict.fromkeys(self._shareable[kind].in_care_of(connection, actor), "edit")

    def access(self, connection: Connection, actor: User, kind: Kind, object_id: str) -> Access | None:
        """Return the actor's access to a thing; None when it is gone or not shared with them."""
        owner_id = self._shareable[kind].owner_of(connection, object_id)
        if owner_id is None:
            return None
        if owner_id == actor.id:
            return Access(owner_name=actor.name)
        in_care = object_id in self._shareable[kind].in_care_of(connection, actor)
        level = "edit" if in_care else repository.level(connection, actor, kind, object_id)
        if level is None:
            return None
        return Access(level, in_care, self.owners(connection, [owner_id])[owner_id].name)

    def accesses(
        self,
        connection: Connection,
        actor: User,
        kind: Kind,
        levels: Mapping[str, Level],
        owner_ids: Mapping[str, str],
    ) -> dict[str, Access]:
        """Return the actor's access to things that are in ``levels`` or own, given their owners; all by id."""
        owners = self.owners(connection, set(owner_ids.values()))
        in_care = self._shareable[kind].in_care_of(connection, actor)
        return {
            object_id: Access(
                levels.get(object_id, "edit"), owner_id == actor.id or object_id in in_care, owners[owner_id].name
            )
            for object_id, owner_id in owner_ids.items()
        }

    def shares(
        self, connection: Connection, kind: Kind, object_ids: Collection[str]
    ) -> Mapping[str, Sequence[Share]]:
        """Return whom things are shared with; the caller has checked that the actor may know."""
        return repository.of_objects(connection, kind, object_ids)

    def may_run_lent(self, connection: Connection, actor: User, key_id: str, agent_id: str) -> bool:
        """Whether a key is lent to an agent that the actor may run."""
        if not repository.is_lent(connection, key_id, agent_id):
            return False
        access = self.access(connection, actor, "agent", agent_id)
        return access is not None and access.reaches("run")

    def owners(self, connection: Connection, user_ids: Collection[str]) -> dict[str, Owner]:
        """Return the people behind things, by id."""
        return repository.owners(connection, user_ids)

    def forget(self, connection: Connection, kind: Kind, object_id: str) -> None:
        """End every share of a thing that is deleted in the caller's transaction."""
        repository.remove_all(connection, kind, object_id)

    # --- inside ----------------------------------------------------------------------------------

    def _require_owner(self, connection: Connection, actor: User, kind: Kind, object_id: str) -> None:
        if kind not in self._shareable:
            raise NotFound(what="thing")
        access = self.access(connection, actor, kind, object_id)
        if access is None:
            raise NotFound(what=kind)
        if not access.is_owner:
            raise Forbidden

    def _check_grantee(self, actor: User, kind: Kind, grantee: Grantee) -> None:
        if kind in self._shareable and self._shareable[kind].asks_proof:
            require_recent_proof(actor)
        if grantee.kind == "agent" and kind != "key":
            raise Invalid("Only a key can be lent to an agent.", "grantee")
        if grantee == Grantee("person", actor.id):
            raise Invalid("This is yours already. Choose somebody else.", "grantee")
        if grantee.kind == "department":
            self._departments.check(grantee.id)

    def _check_exists(self, connection: Connection, actor: User, grantee: Grantee) -> None:
        if grantee.kind == "person" and repository.active_person(connection, user_id=grantee.id) is None:
            raise NoSuchPerson
        if grantee.kind == "agent":
            access = self.access(connection, actor, "agent", grantee.id)
            if access is None or not access.reaches("edit"):
                raise NotFound(what="agent")

    def _record(
        self,
        connection: Connection,
        actor: User,
        action: str,
        kind: Kind,
        object_id: str,
        grantee: Grantee,
        **detail: object,
    ) -> None:
        told = {"with": f"{grantee.kind} {grantee.id}".strip(), **detail}
        self._audit.record(connection, actor, action, kind, object_id, detail=told)
