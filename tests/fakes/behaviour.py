"""What the fake can be told to do, server-wide or in a model's name: `any-model@latency=200@fault=429`."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, Self
from urllib.parse import unquote

# Told in the words of the wire that was asked.
REFUSALS = frozenset({"401", "403", "404", "429", "quota", "500", "503", "ctx"})
# The same on every wire: they happen below it.
BREAKDOWNS = frozenset({"hang", "close", "badjson", "huge", "redirect"})
# An ordinary answer, badly delivered.
BAD_DELIVERIES = frozenset({"drip", "half"})
FAULTS = REFUSALS | BREAKDOWNS | BAD_DELIVERIES

ONLY_SERVER_WIDE = {"valid_keys", "models", "strict_models", "fault_on", "hold"}


@dataclass
class Options:
    latency: float = 0.0
    """Milliseconds before anything is answered."""
    gap: float = 0.0
    """Milliseconds between the pieces of a stream; between bytes, and 100 unless given, with `fault=drip`."""
    fault: str = ""
    """One of FAULTS."""
    fail_first: int = 0
    """Only the first N requests of a key for a model meet the fault (503 unless `fault` says otherwise)."""
    retry_after: str | float = ""
    """Sent as `retry-after` with a refusal: seconds or an HTTP date."""
    location: str = "/redirected"
    """Where `fault=redirect` points."""
    huge_mb: int = 200
    """Size of the body of `fault=huge`; it is made while it is sent."""
    tool: int = 0
    """Tool calls to make before answering, one a turn, counted by the tool results in the request."""
    toolname: str = ""
    """The tool to call, even one that was not offered. Without it: the offered ones in turn."""
    args: str = ""
    """The call's arguments as JSON text, sent as it is. Without it: made from the tool's schema."""
    text: str = ""
    """The answer; `{key}` in it is the request's key. Without it: a number and the MARK-… words of the request."""
    says: str = ""
    """JSON list of [words, answer]: the answer to a request with these words in it; the first pair that fits."""
    pt: int = 100
    """Prompt tokens billed per call."""
    ct: int = 20
    """Completion tokens billed per call."""
    cached: int = 10
    """How many of the prompt tokens came from the cache."""
    chunks: int = 5
    """Pieces a streamed answer is cut into."""
    usage: str = ""
    """`none` hides the usage from the client; the server still bills it."""
    reject_stream_options: bool = False
    """Answers 400 to `stream_options`, as older OpenAI-compatible servers do."""

    valid_keys: frozenset[str] | set[str] | None = None
    """Any key is right when None."""
    models: tuple[str, ...] = ("fake-1", "fake-2")
    strict_models: bool = False
    """Answers 404 for a model (its name up to the first @) that is not listed."""
    hold: str = ""
    """Chats with a model whose name has this in it wait until it is changed."""
    fault_on: str = "all"
    """Whether a server-wide fault also meets lists of models (`all`, `chat` or `models`)."""

    def for_model(self, name: str) -> Self:
        """These options with those in the model's name laid over. Raises ValueError for an unknown one."""
        # A part without "=" belongs to the name: real ones look like "claude-sonnet@20260101".
        said = dict(part.split("=", 1) for part in name.split("@")[1:] if "=" in part)
        if refused := sorted(said.keys() & ONLY_SERVER_WIDE):
            raise ValueError(f"a model's name cannot set {refused}")
        return self._with({key: unquote(value) for key, value in said.items()})

    def update_from_text(self, values: Mapping[str, str]) -> None:
        """Takes a query string's values. Raises ValueError, changing nothing, for an unknown one."""
        self.become(self._with(values))

    def become(self, other: "Options") -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(other, field.name))

    def as_json(self) -> dict[str, object]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: sorted(value) if isinstance(value, set | frozenset) else value for name, value in values.items()
        }

    def _with(self, texts: Mapping[str, str]) -> Self:
        options = replace(self, **{name: _parsed(name, text) for name, text in texts.items()})
        if options.fault and options.fault not in FAULTS:
            raise ValueError(f"unknown fault {options.fault!r}: use one of {sorted(FAULTS)}")
        return options


def _parsed(name: str, text: str) -> Any:
    default = next((field.default for field in fields(Options) if field.name == name), MISSING)
    if default is MISSING:
        raise ValueError(f"unknown option {name!r}")
    if name == "valid_keys":
        return frozenset(text.split(",")) if text else None
    if isinstance(default, tuple):
        return tuple(text.split(","))
    if isinstance(default, bool):
        return text.lower() in {"1", "true", "yes"}
    return type(default)(text)
