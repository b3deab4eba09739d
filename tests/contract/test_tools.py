"""What every tool must do. A new file in ``core/tools/builtin`` is found by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

import jsonschema
import pytest
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st
from pydantic import BaseModel

from core.agents.service import parse_definition
from core.bootstrap import build_core
from core.config import load_settings
from core.engine.values import as_text
from core.errors import CoreError
from core.security.sealing import KeyRing
from core.tools.base import Tool, ToolContext, ToolServices, never
from core.tools.registry import all_tools
from tests.support.databases import SqliteTemplates

TOOLS = all_tools()
# For tools that need nobody.
NOBODY = cast(ToolContext, None)
# Longer results would fill a small model's context.
MAX_RESULT = 20_000

# Half of the texts are anything, the other half look like what the tools of an office are asked.
TEXTS = st.text(max_size=80) | st.text("0123456789.,+-*/%^()= eE_jx'\"[]{}<>:\x00", max_size=80)
PHRASES = st.sampled_from(
    ["1e-300**1000", "9**999", "1e999", "((((", "0/0", "1%0", "2**-1", "0x1f", "UTC", "Europe/Berlin", ".."]
)


@pytest.fixture(params=TOOLS.values(), ids=TOOLS.keys())
def tool(request: pytest.FixtureRequest) -> Tool:
    return request.param


def values_of(schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Make values that fit a schema; what it does not know becomes any JSON."""
    if "$ref" in schema:
        return values_of(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([values_of(choice, root) for choice in schema["anyOf"]])
    match schema.get("type"):
        case "string":
            longest = schema.get("maxLength", 200)
            return (TEXTS | PHRASES).filter(lambda text: schema.get("minLength", 0) <= len(text) <= longest)
        case "integer":
            return st.integers(schema.get("minimum"), schema.get("maximum"))
        case "number":
            return st.floats(schema.get("minimum"), schema.get("maximum"), allow_nan=False)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "array":
            return st.lists(values_of(schema.get("items", {}), root), max_size=4)
        case "object":
            required = set(schema.get("required", ()))
            fields = {name: values_of(part, root) for name, part in schema.get("properties", {}).items()}
            return st.fixed_dictionaries(
                {name: values for name, values in fields.items() if name in required},
                optional={name: values for name, values in fields.items() if name not in required},
            )
    return st.none() | st.booleans() | st.integers() | TEXTS


def test_a_tool_has_a_name_that_every_provider_takes(tool: Tool) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,63}", tool.name)
    assert TOOLS[tool.name] is tool


def test_a_tool_says_when_to_use_it(tool: Tool) -> None:
    assert 0 < len(tool.label) <= 40
    assert tool.label.isprintable()
    assert 20 <= len(tool.description) <= 500
    assert tool.description.endswith(".")


def test_a_tool_has_a_valid_schema_whose_fields_are_described(tool: Tool) -> None:
    assert issubclass(tool.arguments, BaseModel)
    schema = tool.arguments.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert all(field.get("description") for field in schema["properties"].values())
    texts = [field for field in schema["properties"].values() if field.get("type") == "string"]
    assert all("maxLength" in field or "enum" in field for field in texts), "a model can write any length"


@pytest.fixture(scope="module")
def desk(sqlite_templates: SqliteTemplates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToolContext]:
    """Somebody with nothing to call: no key, and no mail is set up."""
    folder = tmp_path_factory.mktemp("desk")
    with sqlite_templates.fresh(folder) as url:
        master_keys = KeyRing.generate().render()
        settings = load_settings(
            DATABASE_URL=url, ZOARK_DATA_DIR=folder, ZOARK_REGISTRATION="open", ZOARK_MASTER_KEYS=master_keys
        )
        core = build_core(settings)
        alice = core.accounts.register("alice@example.com", "Alice", "correct horse battery staple")
        yield ToolContext(ToolServices(core.keys, core.tool_mail), alice, key="run:node:-1")
        core.close()


@given_settings(max_examples=150, deadline=None)
@given(st.data())
@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS.keys())
def test_a_tool_returns_data_or_a_sentence_that_the_model_can_act_on(
    tool: Tool, desk: ToolContext, data: st.DataObject
) -> None:
    schema = tool.arguments.model_json_schema()
    arguments = tool.arguments.model_validate(data.draw(values_of(schema, schema)))
    assert isinstance(tool.acts(arguments), bool)
    assert tool.may_act or not tool.acts(arguments)
    try:
        told = as_text(tool.run(arguments, desk))
    except (ValueError, CoreError) as error:
        told = str(error)
    assert 0 < len(told) <= MAX_RESULT


def test_a_tool_that_never_acts_says_so(tool: Tool) -> None:
    assert tool.may_act or (tool.acts, tool.is_repeatable) == (never, never)
    assert (tool.name in ("send_email", "call_service")) == tool.may_act


def test_an_agent_may_have_every_tool() -> None:
    fields = {"name": "A", "department": "d", "role": "r", "goal": "g", "key_id": "k", "model": "m"}
    assert parse_definition({**fields, "tools": tuple(TOOLS)}).tools == tuple(TOOLS)


@pytest.mark.parametrize("expression", ["1e-300**1000", "(1e-300**1000)**1000", "10**1000*10**1000", "1e9999"])
def test_the_calculator_refuses_numbers_of_no_sensible_size(expression: str) -> None:
    calculator = TOOLS["calculator"]
    with pytest.raises(ValueError, match="too large"):
        calculator.run(calculator.arguments(expression=expression), NOBODY)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("0.1 + 0.2", "0.3"),
        ("(1200 + 85.50) * 0.19", "244.245"),
        ("2^10 =", "1024"),
        ("7 // 2 % 2", "1"),
        ("-3 ÷ 4 × 2", "-1.5"),
        ("0 * 5", "0"),
        ("1e3", "1000"),
        ("2**-1", "0.5"),
    ],
)
def test_the_calculator_is_exact(expression: str, value: str) -> None:
    calculator = TOOLS["calculator"]
    assert calculator.run(calculator.arguments(expression=expression), NOBODY) == value
