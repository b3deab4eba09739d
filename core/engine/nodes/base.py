"""What a kind of node is: its words, its form, a check of its settings, what it gives, and a way to run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from core.accounts.models import User
from core.approvals.models import Approval, Request
from core.engine.control import Controls, RunControl
from core.engine.form_check import form_problems
from core.engine.forms import FormField
from core.engine.graph import Node
from core.engine.problems import Problem
from core.engine.template import names_in
from core.engine.values import Shape, ValueType, as_text
from core.keys.models import OpenKey
from core.keys.service import Keys
from core.llm.base import Endpoint
from core.quotas.rates import Rates
from core.runs.journal import RunJournal
from core.runs.models import Parent, Run
from core.runs.nodes.models import NODE
from core.security.egress import EgressPolicy
from core.tools.base import ToolServices
from core.usage.service import Usage

Group = Literal["Start and end", "Agents", "Flow", "People", "Data"]
USUAL_TIME_LIMIT_SECONDS = 60.0


class Endpoints(Protocol):
    """Turns an opened key into an address that can be called now."""

    def lease(self, key: OpenKey) -> AbstractContextManager[tuple[Endpoint, EgressPolicy]]:
        """Hold an endpoint for one node; the built-in model's server is started for it."""


class RunsInside(Protocol):
    """Starts runs of workflows for nodes."""

    def run_inside(
        self, actor: User, parent: Parent, workflow_id: str, inputs: Mapping[str, Any], version: int | None
    ) -> Run:
        """Return the run that a node has, started the first time."""


class Desk(Protocol):
    """Puts questions before people."""

    def ask(self, run: Run, node_id: str, request: Request) -> Approval:
        """Ask for an approval, once a node; asked again, return what became of it. See ``core.approvals``."""


@dataclass(frozen=True)
class Services:
    """What nodes work with."""

    keys: Keys
    usage: Usage
    journal: RunJournal
    endpoints: Endpoints
    data_dir: Path
    rates: Rates
    runs: RunsInside
    approvals: Desk
    tools: ToolServices


@dataclass(frozen=True)
class NodeContext:
    """Where a node runs: in which run, for whom, under which switch. ``item`` is a for-each's round, else -1."""

    services: Services
    run: Run
    user: User
    control: RunControl
    item: int = NODE
    node_id: str = ""
    controls: Controls = field(default_factory=Controls)

    def rounds(self, items: Sequence[Any], parallel: int, run_one: Callable[[NodeContext, Any], Result]) -> Result:
        """Do the same with each of the ``items``, at most so many at once; the output is the list of outputs.

        A round that has finished is never done again. Each has the time limit of the node for itself. The node
        waits as long as a round does.

        Args:
            items: what the rounds are about.
            parallel: how many may be at work at once.
            run_one: runs one round, with the context that it is given.

        Raises:
            CoreError: the first round that failed.
        """
        from core.engine.rounds import Rounds

        return Rounds(self, items, run_one).run(parallel)

    def act_once(
        self,
        act: Callable[[str], Any],
        *,
        is_repeatable: bool = False,
        happened: Callable[[str], Any | None] | None = None,
    ) -> Any:
        """Change something outside, and return what came of it; what was done before a crash is not done again.

        Args:
            act: does it, given a key that is the same each time. It may raise ``CoreError`` when surely nothing has
                happened; whatever else it raises, ``InDoubt`` too, leaves the node in doubt.
            is_repeatable: doing it again with the same key does no harm.
            happened: asks the outside what came of a key; None: nothing.

        Raises:
            InDoubt: it may have happened, and nobody can be asked: a person has to say.
        """
        from core.engine.acts import act_once

        return act_once(self, act, is_repeatable=is_repeatable, happened=happened)

    def child(self, workflow_id: str, inputs: Mapping[str, Any], version: int | None) -> Run:
        """Return the run of another workflow for this node and round: started once, found again afterwards.

        The node is looked at again when that run has ended. One that went wrong is found too, until the node begins
        anew.

        Raises:
            CoreError: it may not be started, or not with these inputs.
        """
        parent = Parent(self.run.id, self.node_id, self.item)
        return self.services.runs.run_inside(self.user, parent, workflow_id, inputs, version)

    def require_fresh(self) -> None:
        """Raise ``InDoubt`` when this node has acted outside by ``act_each``, in an attempt that came to no end."""
        from core.engine.acts import require_fresh

        require_fresh(self)

    def act_each(self, number: int, act: Callable[[str], Any]) -> Any:
        """Change something outside, in a node that decides while it runs how often it does; see ``require_fresh``.

        Args:
            number: which of its acts this is.
            act: does it, given a key of its own.
        """
        from core.engine.acts import act_each

        return act_each(self, number, act)

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.run.id

    @property
    def agent_id(self) -> str | None:
        """The agent that a run of one agent belongs to."""
        return self.run.agent_id

    @property
    def department(self) -> str | None:
        """The department that the run belongs to."""
        return self.run.department


@dataclass(frozen=True)
class Scope:
    """What a node can see: ``values`` by name (inputs of the run, outputs of nodes upstream, ``item``).

    ``sources`` are the names among them that a live edge leads from.
    """

    values: Mapping[str, Any]
    sources: tuple[str, ...] = ()


def added_results(scope: Scope, templates: Iterable[str]) -> list[str]:
    """Return what edges bring and none of the templates mentions, as text to add below a task."""
    mentioned = {name for template in templates for name in names_in(template)}
    found = [(name, scope.values.get(name)) for name in scope.sources if name not in mentioned]
    # Whether a condition holds is why somebody works at all, and nothing to work on.
    return [f"Result of {name}:\n{as_text(value)}" for name, value in found if not isinstance(value, bool)]


@dataclass(frozen=True)
class Outcome:
    """A way on from a node; an empty name is the ordinary one."""

    name: str = ""
    label: str = ""


@dataclass(frozen=True)
class Use:
    """A value that a node's settings ask for by ``path``, in the form's ``field``; ``wanted`` is its type."""

    path: str
    field: str
    wanted: ValueType = "any"


@dataclass(frozen=True)
class Done:
    """A node has finished with plain data, and goes on by one of its outcomes."""

    output: Any
    branch: str = ""


@dataclass(frozen=True)
class Waiting:
    """A node waits; the run may give up its place. It is run again when the run is woken, or at ``due_at``."""

    due_at: datetime | None = None


Result = Done | Waiting


class Resolver(Protocol):
    """Finds what a graph only names, for the person who starts a run of it."""

    def agent(self, agent_id: str) -> Mapping[str, Any]:
        """Return the definition of an agent; raises ``NotFound``, ``Forbidden`` or ``KeyNotShared``."""

    def inline_agent(self, fields: Mapping[str, Any], title: str) -> Mapping[str, Any]:
        """Return the definition of an agent that stands in the graph itself.

        ``title`` and the workflow's department are taken where it says none. Raises ``Invalid`` or ``NotFound``:
        the person may not run on its key.
        """

    def workflow(self, workflow_id: str) -> int:
        """Return the number of a workflow's published version.

        Raises ``NotFound`` and ``Forbidden``, and ``Conflict`` when none is published.
        """


class NodeKind:
    """A kind of node. One file each: a subclass and its ``KIND``."""

    name: ClassVar[str]
    label: ClassVar[str]
    group: ClassVar[Group]
    # The name of a Material symbol.
    icon: ClassVar[str] = "circle"
    # One sentence for the palette.
    help: ClassVar[str] = ""
    # The settings of a new node.
    initial: ClassVar[Mapping[str, Any]] = {}
    form: ClassVar[tuple[FormField, ...]] = ()
    is_source: ClassVar[bool] = True
    is_target: ClassVar[bool] = True

    def problems(self, node: Node) -> Iterable[Problem]:
        """Yield what is wrong with the node's own settings, whatever stands around it."""
        return form_problems(node, self.form)

    def prepare(self, node: Node, resolver: Resolver) -> Mapping[str, Any]:
        """Return the node's settings as a run keeps them: with copies of what they only name.

        Called once, when a run is started, for a node without problems. What an earlier run had put in is replaced.

        Raises:
            CoreError: something that it names is not there, or not for this person.
        """
        return node.config

    def outcomes(self, node: Node) -> tuple[Outcome, ...]:
        """Return the ways on, without that for errors."""
        return (Outcome(),) if self.is_source else ()

    def shape(self, node: Node) -> Shape:
        """Return what is known of its output beforehand."""
        return Shape("text")

    def uses(self, node: Node) -> Iterable[Use]:
        """Yield the values that its settings ask for."""
        return ()

    def subtitle(self, node: Node) -> str:
        """Return a few words about its settings, for the canvas."""
        return ""

    def time_limit_seconds(self, node: Node) -> float:
        """Return how long one attempt may take, unless the node says it."""
        return USUAL_TIME_LIMIT_SECONDS

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Result:
        """Do the work. A node that waits is run again from the beginning: it has to find what it asked for.

        Raises:
            CoreError: it failed; a ``retryable`` one is tried again.
            Stopped: the run was cancelled or is over its time limit.
        """
        raise NotImplementedError
