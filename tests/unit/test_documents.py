"""The documents say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from core.commands import COMMANDS
from core.config import settings_table

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_the_readme_has_the_settings_of_the_code() -> None:
    shown = README.partition("held by a test -->\n")[2].partition("<!-- /settings -->")[0].strip()
    assert shown == settings_table()


def test_every_file_that_a_document_links_to_exists() -> None:
    documents = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    for document in documents:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_place_and_command_that_the_readme_names_exists() -> None:
    for place in re.findall(r"`((?:core|app|pages|tests|docs)/[\w./-]*)`", README):
        assert (ROOT / place).exists(), place
    for first, second in re.findall(r"python -m core ([\w-]+)(?: ([\w-]+))?", README):
        assert first in COMMANDS or f"{first} {second}" in COMMANDS


def test_every_make_target_that_the_readme_names_exists() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(re.findall(r"`make (\w+)`", README)) <= set(targets)
