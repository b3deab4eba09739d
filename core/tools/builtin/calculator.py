"""Exact arithmetic: language models are bad at sums, and 0.1 + 0.2 must be 0.3 on an invoice."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from decimal import (
    Context,
    Decimal,
    DecimalException,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    Underflow,
    getcontext,
    localcontext,
)

from pydantic import BaseModel, Field

from core.tools.base import Tool, ToolContext

MAX_LENGTH = 500
MAX_EXPONENT = 1000
# Exact results are shown whole; what cannot be exact, such as 1 / 3, is rounded.
EXACT_DIGITS = 100
DIGITS = 28

_CONTEXT = Context(
    prec=EXACT_DIGITS,
    Emax=MAX_EXPONENT,
    Emin=-MAX_EXPONENT,
    traps=[InvalidOperation, DivisionByZero, Overflow, Underflow],
)

_BINARY: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.FloorDiv: operator.floordiv,
}


class Arguments(BaseModel):
    """What the calculator takes."""

    expression: str = Field(description="Arithmetic such as (1200 + 85.50) * 0.19", max_length=MAX_LENGTH)


def calculate(arguments: BaseModel, _: ToolContext | None = None) -> str:
    """Return the value of an expression of numbers, + - * / // % ** and brackets.

    Raises:
        ValueError: it is something else, or the result has no sensible size.
    """
    assert isinstance(arguments, Arguments)  # noqa: S101 - narrows the type; the adapter has validated it
    expression = arguments.expression.strip().replace("^", "**").rstrip("=").replace("×", "*").replace("÷", "/")
    try:
        tree = ast.parse(expression, mode="eval")
        with localcontext(_CONTEXT) as context:
            value = _value(tree.body, expression)
            if context.flags[Inexact]:
                context.prec = DIGITS
            return f"{value.normalize(context):f}" if value else "0"
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError("This is not arithmetic. Use numbers, + - * / // % ** and brackets.") from None
    except DecimalException:
        raise ValueError(
            "This has no result: a division by zero, or a number that is too large or too small."
        ) from None


def _value(node: ast.expr, source: str) -> Decimal:
    match node:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return getcontext().create_decimal(number)
        case ast.Constant(value=float()):
            # As it was written: a float has lost digits already, and 1e999 would be infinite.
            return getcontext().create_decimal((ast.get_source_segment(source, node) or "").replace("_", ""))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, source)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, source)
        case ast.BinOp(op=ast.Pow(), left=left, right=right):
            base, exponent = _value(left, source), _value(right, source)
            if abs(exponent) > MAX_EXPONENT or abs(base) > 10**DIGITS:
                raise ValueError("The power is too large.")
            if not base and exponent < 0:
                raise DivisionByZero  # the one division that decimal answers with Infinity, without its trap
            return base**exponent
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(left, source), _value(right, source))
    raise ValueError("Only numbers, + - * / // % ** and brackets are understood.")


TOOL = Tool(
    name="calculator",
    label="Calculator",
    description="Calculate exactly. Use it for every sum, percentage or comparison of amounts.",
    arguments=Arguments,
    run=calculate,
)
