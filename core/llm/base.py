"""What a model provider is: one small file in ``providers/`` that states its differences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import httpx
from pydantic import SecretStr

from core.errors import BadKey, BadResponse
from core.llm.failures import from_response

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

    from core.security.egress import GuardedClient

Pricing = Literal["catalogue", "own", "free"]


@dataclass(frozen=True)
class Endpoint:
    """Where a key leads and the secret that opens it. Never serialised; the secret's repr is masked."""

    base_url: str
    secret: SecretStr | None = field(default=None, repr=False)

    def bearer(self) -> dict[str, str]:
        """Return the header that carries the secret, or none."""
        return {"Authorization": f"Bearer {self.secret.get_secret_value()}"} if self.secret else {}


@dataclass(frozen=True)
class ChatOptions:
    """How a model is asked. ``max_output_tokens`` is always sent, so that a call has an upper bound."""

    model: str
    temperature: float
    max_output_tokens: int
    timeout_seconds: float
    stream_usage: bool = True


class Provider(ABC):
    """A model provider. Subclasses are found by the registry and tested by the contract test.

    Attributes:
        name: stable identifier, stored with each key.
        label: what people read.
        about: one sentence that helps to choose.
        pricing: ``catalogue`` (published prices), ``own`` (the key states them) or ``free`` (own hardware).
        asks_secret: whether the form has a secret field; ``needs_secret`` makes it required.
        asks_base_url: whether the form has an address field.
        default_base_url: used when no address is given.
        address_help: where to find the address.
        secret_help: where to find the secret.
        asks_price: whether a key may state its own price.
        no_models_help: what to do when the server offers no model.
        is_local: whether it usually runs on a machine of one's own.
        example_models: offered while the provider's own list is not known.
        is_built_in: whether the worker itself serves the model; its endpoint is made at run time.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    about: ClassVar[str]
    pricing: ClassVar[Pricing] = "catalogue"
    asks_secret: ClassVar[bool] = True
    needs_secret: ClassVar[bool] = True
    asks_base_url: ClassVar[bool] = False
    default_base_url: ClassVar[str] = ""
    address_help: ClassVar[str] = ""
    secret_help: ClassVar[str] = ""
    asks_price: ClassVar[bool] = False
    no_models_help: ClassVar[str] = ""
    is_local: ClassVar[bool] = False
    example_models: ClassVar[tuple[str, ...]] = ()
    is_built_in: ClassVar[bool] = False

    @abstractmethod
    def list_models(self, endpoint: Endpoint, http: GuardedClient) -> list[str]:
        """Return the models this key may use, asking the provider; raises ``ModelError``."""

    @abstractmethod
    def chat_model(self, endpoint: Endpoint, options: ChatOptions, http: GuardedClient) -> BaseChatModel:
        """Return a LangChain chat model that sends through ``http`` only. Imports its SDK inside."""

    def secret_of(self, endpoint: Endpoint) -> SecretStr:
        """Return the secret of a key; where none is needed, one that is never empty.

        An SDK that is given nothing looks into the environment: it must not get so far.

        Raises:
            BadKey: the provider needs a secret and the key has none.
        """
        if endpoint.secret and endpoint.secret.get_secret_value():
            return endpoint.secret
        if self.needs_secret:
            raise BadKey
        return SecretStr("none")

    def check(self, endpoint: Endpoint, http: GuardedClient) -> None:
        """Make one cheap real call; raises ``ModelError`` when the key or the address does not work."""
        self.list_models(endpoint, http)


def get_json(http: GuardedClient, url: str, headers: dict[str, str]) -> Any:
    """Fetch a JSON document from a provider; any failure is a ``ModelError``."""
    try:
        response = http.get(url, headers=headers)
    except (httpx.InvalidURL, httpx.HTTPError) as error:
        raise BadResponse from error
    if response.status_code != 200:
        raise from_response(response.status_code, response.text)
    try:
        return response.json()
    except ValueError as error:
        raise BadResponse from error


def names_in(document: Any, listed_under: str, named_by: str) -> list[str]:
    """Return the sorted model names of a provider's listing; raises ``BadResponse`` for another shape."""
    try:
        return sorted(str(item[named_by]) for item in document[listed_under])
    except (KeyError, TypeError) as error:
        raise BadResponse from error
