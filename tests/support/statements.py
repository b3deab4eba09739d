"""One cache of compiled statements for all engines of a process: each test has an engine of its own, a cold one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy

from core.db import engine


class Compiled(dict[Any, Any]):
    """SQLAlchemy's ``compiled_cache``; it keys by dialect object, of which each engine has its own."""

    def get(self, key: Any, default: Any = None) -> Any:
        """Find what was compiled for a dialect of this name."""
        return super().get((key[0].name, *key[1:]), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Keep it for all dialects of this name."""
        super().__setitem__((key[0].name, *key[1:]), value)


@pytest.fixture(scope="session", autouse=True)
def statements_are_compiled_once() -> Iterator[None]:
    """Have ``core.db`` make engines with the shared cache, as one process has with its only engine."""
    compiled = Compiled()

    def create_engine(url: str, **options: Any) -> sqlalchemy.Engine:
        return sqlalchemy.create_engine(url, execution_options={"compiled_cache": compiled}, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "create_engine", create_engine)
        yield
