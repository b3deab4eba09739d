"""What a kind of key is: one small file in ``kinds/`` that states its fields, its test and its help text.

Model providers are kinds too; ``core.keys.model_kind`` makes one of each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import Invalid
from core.keys.models import Family, Group, OpenKey

if TYPE_CHECKING:
    from core.keys.models import Key
    from core.security.egress import EgressPolicy, GuardedClient

MAX_FIELD = 400
PURPOSES: Mapping[Family, str] = {"llm": "a model", "email": "sending e-mail", "service": "a service"}


@dataclass(frozen=True)
class Field:
    """One thing that a kind asks for besides name, secret and address. It is never a secret.

    Attributes:
        name: stable identifier, the name in ``Key.settings``.
        label: what people read.
        help: where to find it.
        placeholder: what it could be.
        default: what the form starts with.
        choices: what can be chosen, with its label; empty where anything can be typed.
        is_needed: whether it has to be filled in.
        leads: whether it says where the secret goes, and how; changing it asks for the secret again.
    """

    name: str
    label: str
    help: str = ""
    placeholder: str = ""
    default: str = ""
    choices: Mapping[str, str] | None = None
    is_needed: bool = True
    leads: bool = True


@dataclass(frozen=True)
class Reach:
    """The way out of one test: a guarded client, and the policy and the seconds for what is not HTTP."""

    http: GuardedClient
    policy: EgressPolicy
    seconds: float


@dataclass(frozen=True)
class Found:
    """What a test that went well has found, as a sentence; ``models`` are those of a model provider."""

    sentence: str
    models: tuple[str, ...] = ()


class Kind(ABC):
    """A kind of key. Subclasses are found by the registry and tested by the contract test.

    Attributes:
        name: stable identifier, stored with each key.
        label: what people read.
        about: one sentence that helps to choose.
        family: what the key is for.
        group: under which heading it is chosen.
        fields: what is asked besides name, secret and address.
        asks_secret: whether the form has a secret field; ``needs_secret`` makes it required.
        secret_label: how the secret is called there.
        secret_help: where to find it.
        secret_is_words: whether a secret may have spaces, as passwords do.
        asks_base_url: whether the form has an address field.
        default_base_url: used when no address is given.
        address_help: where to find the address.
        asks_price: whether the key states its own price.
        is_built_in: whether the worker itself serves it.
        advice: what to do next, by the code of a failed test, where the usual advice does not fit.
    """

    name: str
    label: str
    about: str
    family: Family
    group: Group
    fields: tuple[Field, ...] = ()
    asks_secret: bool = True
    needs_secret: bool = True
    secret_label: str = "Key"  # noqa: S105 - a label
    secret_help: str = ""
    secret_is_words: bool = False
    asks_base_url: bool = False
    default_base_url: str = ""
    address_help: str = ""
    asks_price: bool = False
    is_built_in: bool = False
    advice: Mapping[str, str] = {}

    @property
    def has_address(self) -> bool:
        """Whether a person says where a key of this kind leads."""
        return self.asks_base_url or any(field.leads for field in self.fields)

    def clean(self, given: Mapping[str, str], secret: str, policy: EgressPolicy) -> dict[str, str]:
        """Return the settings in the one form in which they are stored, of what was typed into the fields.

        Raises:
            Invalid: a field has not the right form.
            AddressBlocked: it leads where nothing may be called.
        """
        settings = {}
        for field in self.fields:
            value = given.get(field.name, field.default).strip()
            if field.is_needed and not value:
                raise Invalid(f"{field.label} is missing.", field.name)
            if len(value) > MAX_FIELD or not value.isprintable():
                raise Invalid(f"{field.label} is too long or has unusual characters.", field.name)
            if field.choices and value not in field.choices:
                raise Invalid(f"{field.label}: choose one of {', '.join(field.choices.values())}.", field.name)
            settings[field.name] = value
        return settings

    def led_by(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return those settings that say where a secret goes: it is sealed for them."""
        return {field.name: settings[field.name] for field in self.fields if field.leads}

    def leads_to(self, key: Key) -> str:
        """Say in a few words where a key leads; empty where that is no news."""
        return key.base_url if self.asks_base_url else ""

    @abstractmethod
    def check(self, opened: OpenKey, reach: Reach) -> Found:
        """Make one cheap real call; raises ``CoreError`` when the key or its address does not work."""
