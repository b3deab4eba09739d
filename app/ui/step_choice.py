"""Which step is looked at: the one that matters now, until somebody picks one on the canvas or in the list.

The list gets another key whenever the page moves it. A page that draws itself anew sends what its lists show, and
that may still be the step from before: under the same key it would look as if somebody had picked it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import streamlit as st

from app import state


@dataclass(frozen=True)
class Chosen:
    """The step that is looked at, whether a person picked it, and how often the page has moved the list."""

    node_id: str
    is_picked: bool = False
    moves: int = 0


class StepChoice:
    """The choice among ``node_ids`` under a name that is one canvas's own; ``telling`` is what matters now."""

    def __init__(self, name: str, node_ids: Sequence[str], telling: str) -> None:
        """Go on with what was picked, else with what matters now."""
        self._name = name
        self._node_ids = list(node_ids)
        self._memory = f"{state.STEP_CHOSEN}_{name}"
        before: Chosen = st.session_state.setdefault(self._memory, Chosen(telling))
        if not before.is_picked or before.node_id not in self._node_ids:
            self._move(telling, is_picked=False)

    @property
    def node_id(self) -> str:
        """The step that is looked at."""
        return self._now.node_id

    def hear(self, selected: str | None) -> None:
        """Take what is selected on the canvas; call it before the list is drawn."""
        if selected in self._node_ids and selected != self.node_id:
            self._move(selected, is_picked=True)

    def draw(
        self, label_of: Callable[[str], str], label_visibility: Literal["visible", "collapsed"] = "collapsed"
    ) -> str:
        """Draw the list and return the step that is looked at."""
        key = f"{self._name}_{self._now.moves}"
        return st.selectbox(
            "Step",
            self._node_ids,
            index=self._node_ids.index(self.node_id),
            format_func=label_of,
            label_visibility=label_visibility,
            key=key,
            on_change=_picked,
            args=(self._memory, key),
        )

    @property
    def _now(self) -> Chosen:
        found: Chosen = st.session_state[self._memory]
        return found

    def _move(self, node_id: str, *, is_picked: bool) -> None:
        if node_id != self.node_id or is_picked != self._now.is_picked:
            st.session_state[self._memory] = Chosen(node_id, is_picked, self._now.moves + 1)


def _picked(memory: str, key: str) -> None:
    st.session_state[memory] = replace(st.session_state[memory], node_id=st.session_state[key], is_picked=True)
