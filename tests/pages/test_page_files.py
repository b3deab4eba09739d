"""Every page is small, is in the one table of pages, and lends nothing to other modules."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from app import navigation

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "pages").glob("*.py"))


def test_every_page_is_in_the_table_of_pages() -> None:
    assert {path.name for path in PAGES} == {entry.file for entry in navigation.ALL}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_has_120_lines_at_most(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 120


def test_no_module_imports_a_page() -> None:
    pages = {path.stem for path in PAGES}
    for path in [p for folder in ("app", "core", "pages") for p in (ROOT / folder).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not [name for name in names if name.split(".")[0] in {"pages", *pages}], path
