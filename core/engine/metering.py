"""Every model call of a node passes here: into the books before it is sent, settled after, shown live."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core import clock
from core.budgets.failures import BudgetBusy, BudgetExceeded, OutputOverrun
from core.engine.control import RunControl
from core.engine.crash_points import reach
from core.engine.gate import Gate
from core.errors import CoreError, ModelTimeout, RunCancelled
from core.keys.drafts import MAX_SECRET
from core.llm.pricing import OwnPrice, Tokens
from core.runs.journal import RunJournal
from core.security.redact import redact, redact_cut
from core.usage.models import CallOrigin
from core.usage.service import Usage

FLUSH_SECONDS = 0.25
BUDGET_WAIT_SECONDS = 30.0
BUDGET_POLL_SECONDS = 0.25
# Text is shown in whole words, so that a secret never slips through in two halves. A longer word than any
# secret is shown in parts.
MAX_HELD_BACK = MAX_SECRET
# A piece of a stream is a token or more, and hardly any text has more bytes a token. Who sends more pieces than the
# limit and that many bytes goes on beyond it; a server that sends letter by letter does not.
BYTES_PER_TOKEN = 8


class NodeMeter:
    """Meters the calls of one node of one run."""

    def __init__(
        self,
        usage: Usage,
        journal: RunJournal,
        origin: CallOrigin,
        own_price: OwnPrice | None,
        control: RunControl,
        gate: Gate | None = None,
        accepted: Callable[[], int] = lambda: 0,
    ) -> None:
        """Write to the books of ``usage`` and the trace of ``journal``; obey ``control``; pass through ``gate``.

        ``accepted`` counts the requests that the provider has begun to answer.
        """
        self._usage = usage
        self._journal = journal
        self._own_price = own_price
        self._gate = gate or Gate()
        self.accepted = accepted
        self.origin = origin
        self.control = control

    def begin(self, bound: Tokens) -> ActiveCall:
        """Open a call that can use ``bound`` at most; raises ``Stopped`` when the run should end."""
        call_id = self._open(bound)
        reach("model call opened")
        self.event("model_call_started", {"call_id": call_id, "model": self.origin.model})
        return ActiveCall(self, call_id, bound)

    def _open(self, bound: Tokens) -> str:
        """Open a call; wait while only other calls under way stand between it and a budget."""
        give_up_at = None
        while True:
            self.control.check()
            try:
                return self._gate.open(bound, lambda: self._usage.open_call(self.origin, bound, self._own_price))
            except BudgetBusy as busy:
                give_up_at = give_up_at or clock.monotonic_seconds() + BUDGET_WAIT_SECONDS
                if clock.monotonic_seconds() >= give_up_at:
                    raise BudgetExceeded(**busy.facts) from None
            time.sleep(BUDGET_POLL_SECONDS)

    def event(self, kind: str, data: dict[str, object]) -> None:
        """Append to the run's trace."""
        self._journal.event(self.origin.run_id, kind, self.origin.node_id, data)

    def settle(self, call_id: str, tokens: Tokens | None, duration_ms: int) -> None:
        """Book an answered call."""
        cost = self._usage.settle(call_id, self.origin, tokens, duration_ms)
        if tokens:
            self._gate.used(call_id, tokens)
        self.event(
            "model_call_finished",
            {
                "call_id": call_id,
                "input_tokens": tokens.input if tokens else None,
                "output_tokens": tokens.output if tokens else None,
                "cached_tokens": tokens.cached if tokens else None,
                "cost_micros": cost.micros,
                "duration_ms": duration_ms,
            },
        )

    def fail(self, call_id: str, error: CoreError, bound: Tokens, was_answering: bool, duration_ms: int) -> None:
        """Book a call that did not end well: at its upper bound when the provider may bill it."""
        told: dict[str, Any] = {"call_id": call_id, "code": error.code, "message": error.sentence}
        if was_answering or isinstance(error, ModelTimeout | RunCancelled):
            told["cost_micros"] = self._usage.interrupt(call_id, self.origin, bound, duration_ms).micros
        else:
            self._usage.fail(call_id, error.code, duration_ms)
            self._gate.used(call_id, Tokens(0, 0))
        self.event("model_call_failed", told)


class ActiveCall:
    """One call between sending and settling."""

    def __init__(self, meter: NodeMeter, call_id: str, bound: Tokens) -> None:
        """Start the clock."""
        self._meter = meter
        self._call_id = call_id
        self._bound = bound
        self._began = clock.monotonic_seconds()
        self._flushed = self._began
        self._text = ""
        self._was_answering = False
        self._accepted_before = meter.accepted()
        self._pieces = 0
        self._bytes = 0

    def text(self, delta: str) -> None:
        """Take streamed text.

        Raises:
            Stopped: the run should end.
            OutputOverrun: the model goes on beyond what was held for it.
        """
        if not self._was_answering:
            reach("model call answering")
        self._was_answering = True
        self._meter.control.check()
        self._pieces += 1
        self._bytes += len(delta.encode())
        if self._pieces > self._bound.output and self._bytes > BYTES_PER_TOKEN * self._bound.output:
            raise OutputOverrun(limit=f"{self._bound.output:,}")
        self._text += delta
        if clock.monotonic_seconds() - self._flushed >= FLUSH_SECONDS:
            self._flush(keep=_held_back(self._text))

    def answered(self, tokens: Tokens | None) -> None:
        """Settle with the provider's count; None when it gave none."""
        self._flush(keep=0)
        reach("model call answered")
        self._meter.settle(self._call_id, tokens, self._duration_ms())
        reach("model call settled")

    def failed(self, error: CoreError) -> None:
        """Settle a call that raised ``error``."""
        self._text = redact_cut(self._text)
        self._flush(keep=0)
        # A model that went on beyond its limit may bill that, too.
        most = replace(self._bound, output=max(self._bound.output, self._pieces))
        # Also when nothing of the answer could be read: it may be billed.
        was_answering = self._was_answering or self._meter.accepted() > self._accepted_before
        self._meter.fail(self._call_id, error, most, was_answering, self._duration_ms())

    def _flush(self, keep: int) -> None:
        cut = len(self._text) - keep
        shown, self._text = self._text[:cut], self._text[cut:]
        self._flushed = clock.monotonic_seconds()
        if shown:
            self._meter.event("model_text", {"call_id": self._call_id, "text": shown})

    def _duration_ms(self) -> int:
        return int((clock.monotonic_seconds() - self._began) * 1000)


def _held_back(text: str) -> int:
    """Return how many characters at the end may belong to a secret that is still arriving."""
    last_word = len(text) - 1 - max(text.rfind(" "), text.rfind("\n"))
    held = min(last_word, MAX_HELD_BACK)
    shown, kept = text[: len(text) - held], text[len(text) - held :]
    cuts_a_secret = redact(shown) + redact(kept) != redact(text)
    return len(text) if cuts_a_secret else held
