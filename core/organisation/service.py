"""Reads and changes what administrators set about signing in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from core.accounts.capabilities import require
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import Invalid
from core.organisation import repository
from core.organisation.models import OrganisationSettings, Registration

_SAID = {
    "company_name": "company's name",
    "registration": "way to register",
    "two_factor_for": "choice who needs two-factor sign-in",
    "allowed_email_domains": "list of e-mail domains",
    "mail_domains": "list of domains to write to",
    "session_idle_minutes": "idle time",
    "session_life_hours": "length of a session",
}
_FIXED = "Who may register is set by ZOARK_REGISTRATION, so it cannot be changed here."


class Organisation:
    """The settings of the one organisation that this installation is for."""

    def __init__(self, db: Database, audit: Audit, fixed_registration: Registration | None) -> None:
        """Keep settings in ``db``; tell ``audit``; what ZOARK_REGISTRATION has fixed is not chosen here."""
        self._db = db
        self._audit = audit
        self.fixed_registration = fixed_registration

    def get(self) -> OrganisationSettings:
        """Return the settings; they hold no secret."""
        with self._db.read() as connection:
            return self.read(connection)

    def look(self, actor: User) -> OrganisationSettings:
        """Return the settings with the registration that is in force; for administrators."""
        require(actor, "settings.manage")
        found = self.get()
        return found.model_copy(update={"registration": self.fixed_registration or found.registration})

    def read(self, connection: Connection) -> OrganisationSettings:
        """Return the settings within somebody's transaction."""
        known = OrganisationSettings.model_fields
        values = repository.all_values(connection)
        return _checked({name: value for name, value in values.items() if name in known})

    def registration(self, connection: Connection | None = None) -> Registration:
        """Return who may register: what ZOARK_REGISTRATION says, else what an administrator has chosen."""
        if self.fixed_registration is not None:
            return self.fixed_registration
        return (self.read(connection) if connection is not None else self.get()).registration

    def change(self, actor: User, changes: Mapping[str, Any]) -> OrganisationSettings:
        """Change the named settings; those that stay out of ``changes`` keep their value.

        Raises:
            Forbidden: the actor is no administrator.
            StepUpRequired: it is long ago that the actor proved who they are.
            Invalid: a value has not the right form; ``field`` names it.
        """
        require(actor, "settings.manage")
        require_recent_proof(actor)
        with self._db.transaction() as connection:
            before = self.read(connection)
            after = _checked({**before.model_dump(), **changes})
            if self.fixed_registration == after.registration:  # said as it is anyway
                after = after.model_copy(update={"registration": before.registration})
            if self.fixed_registration is not None and after.registration != before.registration:
                raise Invalid(_FIXED, "registration")
            old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
            changed = {name: {"from": old[name], "to": new[name]} for name in new if new[name] != old[name]}
            for name in changed:
                repository.put(connection, name, new[name])
            if changed:
                self._audit.record(connection, actor, "settings.changed", "organisation", "sign-in", detail=changed)
        return after


def _checked(values: Mapping[str, Any]) -> OrganisationSettings:
    try:
        return OrganisationSettings.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = str(first["loc"][0]) if first["loc"] else str(first["type"])
        said = _SAID.get(field, "settings")
        why = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
        if first["type"] == "string_too_long":
            why = f"it has more than {first['ctx']['max_length']} characters"
        raise Invalid(f"The {said} cannot be saved: {why}.", field) from None
