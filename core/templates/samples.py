"""The samples of workflows: files of our own form, one each in ``workflows/``. A new file is all it takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.workflows.interchange import document, formats

FOLDER = Path(__file__).parent / "workflows"


@dataclass(frozen=True)
class Sample:
    """A workflow to begin with; ``content`` is what ``Interchange.plan_import`` takes."""

    name: str
    title: str
    about: str
    content: bytes


@lru_cache
def all_samples() -> dict[str, Sample]:
    """Return the samples by their file's name, in the order of those names."""
    return {path.stem: _sample(path) for path in sorted(FOLDER.glob("*.yaml"))}


def _sample(path: Path) -> Sample:
    content = path.read_bytes()
    bundle = document.read(formats.read(formats.text_of(content)))
    return Sample(path.stem, bundle.name, bundle.description, content)
