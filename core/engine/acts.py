"""What changes something outside, once: noted before it is done, remembered after it, never repeated blindly."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.engine.crash_points import reach
from core.engine.failures import InDoubt
from core.engine.fitting import fitting
from core.errors import CoreError, RunCancelled
from core.logs import get_logger

if TYPE_CHECKING:
    from core.engine.nodes.base import NodeContext

log = get_logger(__name__)


def act_once(
    context: NodeContext,
    act: Callable[[str], Any],
    *,
    is_repeatable: bool,
    happened: Callable[[str], Any | None] | None,
) -> Any:
    """Do what ``NodeContext.act_once`` says."""
    memory, run = context.services.journal.nodes, context.run
    key = f"{run.id}:{context.node_id}:{context.item}"
    state = memory.state(run.id, context.node_id, context.item)
    if state is not None and state.acted_at is not None:
        if state.has_acted:
            return state.output["acted"]
        # A worker died in the middle of it.
        if happened is not None and (found := happened(key)) is not None:
            return _remembered(context, found)
        if happened is None and not is_repeatable:
            raise InDoubt
    context.control.check()
    if not memory.act(run, context.node_id, context.item):
        raise RunCancelled
    reach("about to act")
    try:
        result = act(key)
    except InDoubt:
        raise
    except CoreError:
        memory.has_not_acted(run, context.node_id, context.item)
        raise
    except Exception as error:
        log.exception("acting outside failed unexpectedly", run_id=run.id, node_id=context.node_id)
        raise InDoubt from error
    reach("acted")
    return _remembered(context, result)


def act_each(context: NodeContext, number: int, act: Callable[[str], Any]) -> Any:
    """Do what ``NodeContext.act_each`` says."""
    context.control.check()
    if not context.services.journal.nodes.act(context.run, context.node_id, context.item):
        raise RunCancelled
    reach("about to act")
    result = act(f"{context.run.id}:{context.node_id}:{context.item}:{number}")
    reach("acted")
    return result


def require_fresh(context: NodeContext) -> None:
    """Do what ``NodeContext.require_fresh`` says."""
    state = context.services.journal.nodes.state(context.run.id, context.node_id, context.item)
    if state is not None and state.acted_at is not None:
        raise InDoubt


def _remembered(context: NodeContext, result: Any) -> Any:
    kept = fitting(result)
    if not context.services.journal.nodes.acted(context.run, context.node_id, context.item, kept):
        raise RunCancelled
    reach("act remembered")
    return kept
