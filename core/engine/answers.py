"""The form that an agent's answer has to have: how the model is told, and how the answer is read.

A model's own switch for JSON is not used: half of the providers have none, and each has another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.agents.models import AgentDefinition
from core.engine import settings
from core.engine.reading import checked_fields, read_json
from core.engine.values import Field, ValueType
from core.errors import CoreError

MAX_SHOWN = 20_000
MAX_REASON = 300
_FENCE = re.compile(r"```(?:json)?\s*\n?(.*?)```", re.DOTALL | re.IGNORECASE)
_WORDS: Mapping[ValueType, str] = {
    "text": "text",
    "number": "number",
    "boolean": "true or false",
    "date": 'date, such as "2026-11-30"',
    "list": "list",
    "object": "object",
}


class AnswerNotInForm(CoreError):
    """The answer was not in the form that it should have: {reason} Say it in the task, or use a larger model."""

    code = "answer_not_in_form"


@dataclass(frozen=True)
class AnswerForm:
    """Fields, or a JSON Schema that was checked when it was saved; ``is_text`` gives the JSON as text."""

    fields: tuple[Field, ...] = ()
    schema: Mapping[str, Any] | None = None
    is_text: bool = False

    @property
    def instruction(self) -> str:
        """What the model is told."""
        if self.schema is not None:
            wanted = json.dumps(self.schema, ensure_ascii=False)
            return f"Answer with one JSON object and nothing else. It has to fit this JSON Schema:\n{wanted}"
        lines = "\n".join(map(_line, self.fields))
        return f"Answer with one JSON object and nothing else. It has these fields:\n{lines}"

    def read(self, answer: str) -> Any:
        """Return the answer's data; raises ``AnswerNotInForm``."""
        try:
            data = read_json(_json_in(answer), "the answer")
            data = self._fitting(data) if self.schema is not None else self._with_fields(data)
        except AnswerNotInForm:
            raise
        except CoreError as error:
            raise AnswerNotInForm(reason=error.sentence[:MAX_REASON]) from None
        return json.dumps(data, ensure_ascii=False, indent=2) if self.is_text else data

    def _with_fields(self, data: Any) -> Any:
        return checked_fields(data, self.fields, "the answer")

    def _fitting(self, data: Any) -> Any:
        from jsonschema import Draft202012Validator  # not paid for by who has no schemas
        from jsonschema.exceptions import best_match

        error = best_match(Draft202012Validator(self.schema).iter_errors(data))
        if error is None:
            return data
        place = ".".join(map(str, error.absolute_path))
        said = f"{place}: {error.message}" if place else error.message
        raise AnswerNotInForm(reason=f"{said[:MAX_REASON]}.")


def form_of(config: Mapping[str, Any], definition: AgentDefinition) -> AnswerForm | None:
    """Return the form that the answer has to have; None for any text.

    Raises:
        AnswerNotInForm: the node asks for the form of an agent that has none.
    """
    wanted = settings.text(config, "answer", "text")
    if wanted == "fields":
        return AnswerForm(fields=settings.fields(config, "answer_fields"))
    schema = definition.output_schema
    if schema is not None:
        return AnswerForm(schema=schema, is_text=wanted == "text")
    if wanted == "schema":
        raise AnswerNotInForm(reason=f"the agent {definition.name} has no output schema.")
    return None


def read_or_repair(form: AnswerForm, answer: str, ask: Callable[[str], str]) -> Any:
    """Return an answer's data; one that is not in the form is put into it by ``ask``, once.

    Only the form is asked for again: the agent's work, and what its tools did, is not repeated.

    Raises:
        AnswerNotInForm: it is not in the form after that, either.
    """
    try:
        return form.read(answer)
    except AnswerNotInForm as error:
        reason = error.facts["reason"]
    return form.read(
        ask(
            "This answer is not in the form that it has to have. Put it into that form, and add nothing to it."
            f"\n\nWhat is wrong: {reason}\n\n{form.instruction}\n\nThe answer:\n{answer[:MAX_SHOWN]}"
        )
    )


def _line(field: Field) -> str:
    optional = "" if field.is_required else ", or null when it is not known"
    return f"- {field.name} ({_WORDS.get(field.type, 'text')}{optional}){f': {field.help}' if field.help else ''}"


def _json_in(answer: str) -> str:
    """Return what stands in a code block, or from the first brace to the last: models like to add words."""
    text = answer.strip()
    if fenced := _FENCE.search(text):
        text = fenced[1].strip()
    first, last = text.find("{"), text.rfind("}")
    return text[first : last + 1] if 0 <= first < last else text
