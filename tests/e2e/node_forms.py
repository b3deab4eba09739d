"""Fills in the form of a node in a browser, as its kind describes it: each field by its widget's key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from playwright.sync_api import Locator, expect

from app.ui.node_form_fields import has_buttons
from app.ui.node_form_lists import FIELD_COLUMNS
from app.ui.node_form_pickers import APPROVERS
from core.engine.forms import FormField, shown
from core.engine.nodes.registry import all_kinds
from core.tools.registry import all_tools
from tests.e2e.person import Person


class FormFiller:
    """Types settings into an open drawer; ``names`` says what is shown in the place of ids and paths."""

    def __init__(self, person: Person, names: Mapping[str, str]) -> None:
        self.person = person
        self.names = names

    def fill(self, form: Sequence[FormField], config: Mapping[str, Any], prefix: str) -> None:
        """Set every field that ``config`` has, in the order of the form."""
        for field in shown(form, config):
            if field.name not in config:
                continue
            alike = [one for one in form if one.name == field.name]
            number = next(n for n, one in enumerate(alike) if one is field)
            key = f"{prefix}_{field.name}{f'_{number}' if number else ''}"
            self._set(field, config[field.name], key, config)

    def _set(self, field: FormField, value: Any, key: str, config: Mapping[str, Any]) -> None:
        match field.widget:
            case "line" | "text" | "template":
                self._type(key, value)
            case "json":
                self._type(key, json.dumps(value))
            case "number" | "whole":
                self._type(key, f"{value:g}")
            case "moment":
                self._moment(key, value)
            case "switch":
                self._switch(key, value)
            case "choice" if has_buttons(field):
                self._press(key, dict(field.options)[value])
            case "choice":
                self._choose(key, dict(field.options)[value])
            case "reference" | "agent" | "workflow" | "key":
                self._choose(key, self.names[value])
            case "tool":
                self._choose(key, all_tools()[value].label)
            case "model":
                self._choose(key, value, is_new=True)
            case "references" | "agents":
                for one in value:
                    self._choose(key, self.names[one], stays_open=True)
            case "tools":
                for one in value:
                    self._choose(key, all_tools()[one].label, stays_open=True)
            case "approver":
                self._press(f"{key}_kind", APPROVERS[value["kind"]])
                self._choose(f"{key}_{value['kind']}", self.names[value["id"]])
            case "fields":
                self._rows(FIELD_COLUMNS, value, key)
            case "rows":
                self._rows(field.columns, value, key)
            case "group":
                self.fill(field.columns, value, key)
            case "node":
                self._choose(key, dict(field.options)[value["kind"]])
                self.fill(all_kinds()[value["kind"]].form, value, f"{key}_{value['kind']}")
            case "arguments" | "inputs":
                for name, text in value.items():
                    self._type(f"{key}_{config[field.of]}_{name}", text)
            case _:
                raise AssertionError(f"No way to fill in {field.widget}.")

    def _at(self, key: str) -> Locator:
        return self.person.page.locator(f".st-key-{key}")

    def _type(self, key: str, text: str) -> None:
        box = self._at(key).locator("input, textarea").first
        box.fill(text)
        box.press("Tab")
        self.person.idle()

    def _moment(self, key: str, value: str) -> None:
        # The browser of the tests is in UTC.
        # Written in the browser's time zone: what a clock on the wall says.
        moment = datetime.fromisoformat(value)
        parts = self._at(key).get_by_role("spinbutton")
        parts.first.focus()
        # Each part goes on to the next by itself.
        self.person.page.keyboard.type(f"{moment:%Y%m%d%H%M}")
        # Only the calendar that has come up.
        self.person.page.keyboard.press("Escape")
        self.person.idle()

    def _switch(self, key: str, value: bool) -> None:
        box = self._at(key).get_by_role("switch").or_(self._at(key).get_by_role("checkbox")).first
        if box.is_checked() != value:
            self._at(key).locator("label").first.click()
            self.person.idle()

    def _press(self, key: str, label: str) -> None:
        self._at(key).get_by_text(label, exact=True).click()
        self.person.idle()

    def _choose(self, key: str, label: str, *, is_new: bool = False, stays_open: bool = False) -> None:
        box = self._at(key).get_by_role("combobox").first
        box.click()
        if is_new:
            box.press("Control+a")
        box.press_sequentially(label)
        if is_new:
            box.press("Enter")
        else:
            self.person.page.get_by_role("option", name=label).first.click()
        if stays_open:
            self.person.page.keyboard.press("Tab")
        self.person.idle()

    def _rows(self, columns: Sequence[FormField], rows: Sequence[Mapping[str, Any]], key: str) -> None:
        for number, row in enumerate(rows):
            if not self._at(f"{key}_{number}").count():
                self._at(f"{key}_add").get_by_role("button").click()
                expect(self._at(f"{key}_{number}")).to_be_visible()
                self.person.idle()
            self.fill(columns, row, f"{key}_{number}")
        number = len(rows)
        while self._at(f"{key}_{number}").count():
            self._at(f"{key}_{number}_remove").get_by_role("button").click()
            expect(self._at(f"{key}_{number}")).to_have_count(0)
            self.person.idle()
            number += 1
