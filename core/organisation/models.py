"""The settings of the organisation, typed; a stored value of another form is refused, never guessed."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from core.accounts.models import Role
from core.security import passwords

Registration = Literal["invite", "open", "closed"]
MAX_DOMAINS = 50
DemandedOf = Literal["nobody", "admins", "everybody"]
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


class OrganisationSettings(BaseModel):
    """One row of the table ``organisation`` per field that differs from its default."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    company_name: Annotated[str, Field(max_length=80)] = ""
    # Where ZOARK_REGISTRATION is set, that wins: ask ``Organisation.registration``.
    registration: Registration = "invite"
    two_factor_for: DemandedOf = "nobody"
    allowed_email_domains: tuple[str, ...] = Field((), max_length=MAX_DOMAINS, strict=False)
    # Whom agents and workflows may write to besides people here.
    mail_domains: tuple[str, ...] = Field((), max_length=MAX_DOMAINS, strict=False)
    # OWASP Session Management: 15 to 30 minutes for high value, more where a lost tab costs little.
    session_idle_minutes: Annotated[int, Field(ge=5, le=1440)] = 60
    session_life_hours: Annotated[int, Field(ge=1, le=336)] = 24

    @field_validator("company_name")
    @classmethod
    def _is_one_line(cls, value: str) -> str:
        name = " ".join(value.split())
        if not name.isprintable():
            raise PydanticCustomError("company_name", "it has characters that cannot be shown")
        return name

    @field_validator("allowed_email_domains", "mail_domains", mode="before")
    @classmethod
    def _are_domains(cls, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise PydanticCustomError("domains", "write a list of domains")
        domains = [item.strip().lower().removeprefix("@").rstrip(".") for item in value]
        for domain in filter(None, domains):
            if not _DOMAIN.fullmatch(_ascii(domain)):
                raise PydanticCustomError("domains", "write domains such as example.com")
        return tuple(dict.fromkeys(filter(None, domains)))

    @model_validator(mode="after")
    def _idle_ends_before_life(self) -> OrganisationSettings:
        if self.session_idle_minutes > self.session_life_hours * 60:
            raise PydanticCustomError("session_idle_minutes", "the idle time is longer than the whole session")
        return self

    def demands_two_factor(self, role: Role) -> bool:
        """Whether somebody with this role has to have a second factor."""
        return self.two_factor_for == "everybody" or (self.two_factor_for == "admins" and role == "admin")

    def shortest_password(self, role: Role) -> int:
        """Return how many characters a new password of somebody with this role needs."""
        return passwords.MIN_LENGTH_OF_TWO if self.demands_two_factor(role) else passwords.MIN_LENGTH

    def may_write_to(self, email: str) -> bool:
        """Whether agents and workflows may write to an address that is nobody's here."""
        return _ascii(email.rpartition("@")[2].lower()) in map(_ascii, self.mail_domains)

    def accepts(self, email: str) -> bool:
        """Whether an address may register: its domain is in the list, not below one that is."""
        domain = _ascii(email.rpartition("@")[2].lower())
        return not self.allowed_email_domains or domain in map(_ascii, self.allowed_email_domains)


def _ascii(domain: str) -> str:
    """Return a domain as DNS has it, so that both spellings of an international one are the same."""
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain
