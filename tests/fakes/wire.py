"""The contract of a provider's wire format. A new one is one file here, `<name>_wire.py`, with a Wire."""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import tests.fakes
from tests.fakes.answers import Answer, Prompt
from tests.fakes.behaviour import Options
from tests.fakes.http import Request

Json = dict[str, Any]


@dataclass(frozen=True)
class Stream:
    """The frames of a streamed answer. A client that leaves before `closing` is sent is not billed."""

    frames: list[bytes]
    closing: bytes


class Wire(ABC):
    stream_content_type: str

    @abstractmethod
    def listing(self, request: Request, options: Options) -> Json | None:
        """The answer when asked about the server itself (models, version), None when asked something else."""

    @abstractmethod
    def is_chat(self, request: Request) -> bool: ...

    @abstractmethod
    def prompt(self, request: Request) -> Prompt:
        """Raises ValueError, KeyError or TypeError for a body this wire does not know."""

    @abstractmethod
    def refusal(self, fault: str, model: str, key: str) -> tuple[int, Json]:
        """Status and body for one of behaviour.REFUSALS."""

    @abstractmethod
    def whole(self, answer: Answer) -> Json: ...

    @abstractmethod
    def stream(self, answer: Answer, prompt: Prompt) -> Stream: ...

    def objection(self, prompt: Prompt, options: Options) -> tuple[int, Json] | None:
        """Status and body when this server does not take a parameter of the prompt."""
        return None

    def accepts_key(self, key: str, valid_keys: frozenset[str] | set[str] | None) -> bool:
        return valid_keys is None or key in valid_keys


def find_wires() -> list[Wire]:
    """One of each Wire class in the `*_wire` modules of this package, in the order of their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(tests.fakes.__path__))
    modules = [importlib.import_module(f"tests.fakes.{name}") for name in names if name.endswith("_wire")]
    return [
        value()
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Wire) and value.__module__ == module.__name__
    ]


def key_of(request: Request) -> str:
    """The API key a request carries, wherever its provider wants it."""
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    in_header = (request.headers.get(name, "") for name in ("x-api-key", "api-key", "x-goog-api-key"))
    return bearer or next(filter(None, in_header), "") or request.query.get("key", "")
