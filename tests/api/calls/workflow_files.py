"""Workflows as files."""

from __future__ import annotations

from tests.api.calls.call import Call, Sent, for_members, own

DOCUMENT = "zoark: workflow/1\nname: W\ndepartment: hr\ngraph: {nodes: [{id: t, kind: template, text: x}]}\n"

CALLS = {
    "export_workflow": Call(
        own(200), lambda stage: Sent({"workflow_id": stage.workflow()}, query={"format": "yaml"})
    ),
    "plan_import": Call(for_members(200, stranger=200), lambda _: Sent(body={"document": DOCUMENT})),
    "import_workflow": Call(for_members(201, stranger=201), lambda _: Sent(body={"document": DOCUMENT})),
}
