"""Asks a person before the workflow goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from core.approvals.failures import ApprovalExpired
from core.approvals.models import Approver, Editable, Request
from core.engine import settings
from core.engine.form_check import wrong
from core.engine.forms import FormField
from core.engine.graph import Node
from core.engine.nodes.base import Done, NodeContext, NodeKind, Outcome, Result, Scope, Use, Waiting
from core.engine.problems import Problem
from core.engine.reading import value_at
from core.engine.template import fill, paths_in
from core.engine.values import Field, Shape

LONGEST_HOURS = 24 * 90
ON_EXPIRY = (
    ("reject", "Go on as if it were rejected"),
    ("branch", "Go on by a way of its own"),
    ("fail", "Let the node fail"),
)


class ApprovalKind(NodeKind):
    """``{title, message, show: [paths], edit?: path, approver, other_person?, expires_hours?, remind_hours?, …}``.

    ``on_expiry`` says what then.

    Its output is ``{decision, comment, value, decided_by}``; ``value`` is what was to be edited, as it is now.
    """

    name = "approval"
    label = "Approval"
    group = "People"
    icon = "approval"
    help = "Asks somebody whether the workflow may go on, and waits for the answer."
    initial: ClassVar[Mapping[str, Any]] = {"title": "", "message": "", "show": [], "on_expiry": "reject"}
    form = (
        FormField("approver", "Who decides", "approver", is_required=True),
        FormField("title", "Title", "template", help="What is asked, in one line.", is_required=True, maximum=200),
        FormField("message", "Message", "template", help="What they should know or check.", maximum=20_000),
        FormField("show", "Show", "references", help="Results that they see.", maximum=20),
        FormField("edit", "May be changed", "reference", help="A result that they may correct before it goes on."),
        FormField(
            "other_person", "Somebody else", "switch", help="Whoever starts a run may not approve it themselves."
        ),
        FormField(
            "expires_hours",
            "Expires after (hours)",
            "number",
            help="Empty: never.",
            minimum=0.1,
            maximum=LONGEST_HOURS,
        ),
        FormField(
            "remind_hours",
            "Remind after (hours)",
            "number",
            help="Empty: no reminder.",
            minimum=0.1,
            maximum=LONGEST_HOURS,
        ),
        FormField("on_expiry", "When it expires", "choice", default="reject", options=ON_EXPIRY),
    )

    def problems(self, node: Node) -> Iterable[Problem]:
        """Yield what is wrong with its settings; a reminder has to come before the end."""
        yield from super().problems(node)
        expires, remind = (settings.number(node.config, name) for name in ("expires_hours", "remind_hours"))
        if expires and remind >= expires:
            yield wrong(node, "remind_hours", "the reminder comes after the approval has expired.")

    def outcomes(self, node: Node) -> tuple[Outcome, ...]:
        """Return approved and rejected, and expired where that is a way of its own."""
        ways = Outcome("approved", "Approved"), Outcome("rejected", "Rejected")
        if settings.text(node.config, "on_expiry") == "branch":
            return (*ways, Outcome("expired", "Expired"))
        return ways

    def shape(self, node: Node) -> Shape:
        """Return the decision, with the comment and the value that may have been changed."""
        return Shape("object", (Field("decision"), Field("comment"), Field("value", "any"), Field("decided_by")))

    def uses(self, node: Node) -> Iterable[Use]:
        """Yield what is shown and asked."""
        config = node.config
        edit = settings.text(config, "edit")
        return [
            *(Use(path, name) for name in ("title", "message") for path in paths_in(settings.text(config, name))),
            *(Use(path, "show") for path in settings.texts(config, "show")),
            *([Use(edit, "edit")] if edit else []),
        ]

    def subtitle(self, node: Node) -> str:
        """Return what is asked."""
        return settings.text(node.config, "title")

    def run(self, context: NodeContext, node: Node, scope: Scope) -> Result:
        """Ask once, wait until somebody decides or the time is over, and go on that way."""
        approval = context.services.approvals.ask(context.run, node.id, _request(node, scope))
        if approval.is_open:
            return Waiting()
        output = {
            "decision": approval.status,
            "comment": approval.comment,
            "value": approval.result,
            "decided_by": approval.decider,
        }
        if approval.status != "expired":
            return Done(output, approval.status)
        on_expiry = settings.text(node.config, "on_expiry", "reject")
        if on_expiry == "fail":
            raise ApprovalExpired
        return Done(output, "expired" if on_expiry == "branch" else "rejected")


def _request(node: Node, scope: Scope) -> Request:
    config = node.config
    edit, approver = settings.text(config, "edit"), settings.group(config, "approver")
    return Request(
        title=fill(settings.text(config, "title"), scope.values),
        message=fill(settings.text(config, "message"), scope.values),
        show={path: value_at(path, scope.values) for path in settings.texts(config, "show")},
        edit=Editable(edit, value_at(edit, scope.values)) if edit else None,
        approver=Approver(approver["kind"], approver["id"]),
        expires_hours=settings.number(config, "expires_hours") or None,
        remind_hours=settings.number(config, "remind_hours") or None,
        is_other_person=settings.switch(config, "other_person"),
    )


KIND = ApprovalKind()
