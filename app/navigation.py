"""The one table of pages; every link goes through here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import streamlit as st
from streamlit.navigation.page import StreamlitPage

PAGES = Path(__file__).resolve().parent.parent / "pages"


@dataclass(frozen=True)
class Entry:
    """A page: ``section`` is its heading in the sidebar, none for pages that are reached from others."""

    file: str
    title: str
    icon: str
    section: str | None

    @property
    def path(self) -> str:
        """The file that Streamlit runs."""
        return str(PAGES / self.file)

    @property
    def url(self) -> str:
        """The path in the address bar."""
        return self.file.removesuffix(".py")


HOME = Entry("home.py", "Home", ":material/home:", "")
AGENTS = Entry("agents.py", "Agents", ":material/smart_toy:", "Build")
AGENT = Entry("agent.py", "Agent", ":material/smart_toy:", None)
KEYS = Entry("keys.py", "Keys", ":material/key:", "Build")
RUNS = Entry("runs.py", "Runs", ":material/play_circle:", "Watch")
RUN = Entry("run.py", "Run", ":material/play_circle:", None)
USAGE = Entry("usage.py", "Usage", ":material/bar_chart:", "Watch")

ALL = (HOME, AGENTS, AGENT, KEYS, RUNS, RUN, USAGE)


def sections() -> dict[str, list[StreamlitPage]]:
    """Return the pages by section, for ``st.navigation``. All are registered for everybody: the gate decides."""
    found: dict[str, list[StreamlitPage]] = {}
    for entry in ALL:
        page = st.Page(
            entry.path,
            title=entry.title,
            icon=entry.icon,
            url_path=entry.url,
            default=entry is HOME,
            visibility="hidden" if entry.section is None else "visible",
        )
        found.setdefault(entry.section or "", []).append(page)
    return found


def go(entry: Entry, **query: str) -> NoReturn:
    """Open another page."""
    st.switch_page(entry.path, query_params=query)


def link(entry: Entry, label: str, *, icon: str | None = None, **query: str) -> None:
    """Draw a link to another page."""
    st.page_link(entry.path, label=label, icon=icon, query_params=query or None)
