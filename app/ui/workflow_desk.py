"""What one browser tab knows of the draft that it edits: the newest revision it has seen, its steps back, a clash.

A draft is saved on top of the revision that this tab has seen, so nobody's change is overwritten unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import streamlit as st

from app import runtime, state
from core.accounts.models import User
from core.engine.graph import Graph, read_graph
from core.errors import CoreError
from core.workflows.failures import DraftChanged
from core.workflows.models import Draft

Document = Mapping[str, Any]
Step = Callable[[Graph], Graph]
# So many steps can be taken back.
MOST_STEPS = 50


@dataclass(frozen=True)
class Clash:
    """Somebody else has saved the draft first; ``mine`` is what this tab wanted to save."""

    by_name: str
    at: datetime
    mine: Document


@dataclass
class Desk:
    """A draft on the desk. ``heard`` is the canvas's last change that was dealt with, ``drawer`` the open node."""

    workflow_id: str
    revision: int
    document: Document
    heard: int = 0
    past: list[Document] = field(default_factory=list)
    future: list[Document] = field(default_factory=list)
    drawer: str | None = None
    selected: str | None = None
    clash: Clash | None = None
    # Sentences to be shown once: why a step was not taken, and that somebody else has changed something.
    refusal: str | None = None
    news: str | None = None

    @property
    def graph(self) -> Graph:
        """The draft, read."""
        return read_graph(self.document)

    def take(self, actor: User, step: Step) -> bool:
        """Change the draft by one step and save it; return whether that was done. A refusal is kept to be shown."""
        try:
            changed = step(self.graph)
        except CoreError as error:
            self.refusal = error.sentence
            return False
        return self.save(actor, changed.document())

    def save(self, actor: User, document: Document) -> bool:
        """Save what the draft is to be; return whether it was. One step back leads to what it was before."""
        before = self.document
        if not self._put(actor, document):
            return False
        self.past = [*self.past, before][-MOST_STEPS:]
        self.future = []
        return True

    def undo(self, actor: User) -> None:
        """Take one step back."""
        if self.past:
            before = self.document
            if self._put(actor, self.past[-1]):
                self.past.pop()
                self.future.append(before)

    def redo(self, actor: User) -> None:
        """Take the step again that was taken back last."""
        if self.future:
            before = self.document
            if self._put(actor, self.future[-1]):
                self.future.pop()
                self.past.append(before)

    def load(self, draft: Draft) -> None:
        """Go on with what somebody else has saved; steps back would undo their work, so they are forgotten."""
        self.revision, self.document = draft.revision, draft.graph
        self.past, self.future, self.clash = [], [], None

    def _put(self, actor: User, document: Document) -> bool:
        try:
            draft = runtime.get_core().workflows.save_draft(actor, self.workflow_id, document, self.revision)
        except DraftChanged as change:
            self.clash = Clash(change.by_name, change.at, document)
            return False
        except CoreError as error:
            self.refusal = error.sentence
            return False
        self.revision, self.document = draft.revision, draft.graph
        return True


def desk_of(draft: Draft) -> Desk:
    """Return this tab's desk with a draft on it; another workflow's is cleared away."""
    desk = st.session_state.get(state.DESK)
    if not isinstance(desk, Desk) or desk.workflow_id != draft.id:
        desk = Desk(draft.id, draft.revision, draft.graph)
        st.session_state[state.DESK] = desk
    return desk


def again() -> None:
    """Draw the fragment once more; the whole page, when that is what is being drawn."""
    try:
        st.rerun(scope="fragment")
    except st.errors.StreamlitAPIException:
        st.rerun()
