"""Shows what a model wrote: Markdown without HTML, and nothing that leaves the page by itself."""

from __future__ import annotations

import json
import re

import streamlit as st

FOLD_AFTER = 6000

# [text](address), ![alt](address), <address>, reference definitions: shown as text, never fetched or followed.
_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)|!\[([^\]]*)\]\[[^\]]*\]")
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(\s*<?([^)\s>]+)>?[^)]*\)")
_AUTOLINK = re.compile(r"<((?:https?|mailto|ftp)[^>\s]*)>", re.IGNORECASE)
_REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:\s+\S+.*$", re.MULTILINE)
_BARE = re.compile(r"\b(https?)://", re.IGNORECASE)
# Streamlit's own additions to Markdown: :material/icon:, :red[text] and $math$.
_DIRECTIVE = re.compile(r":(?=[a-z]+[-/\[]|[a-z_]+:)")


def draw(text: str) -> None:
    """Draw a model's answer: JSON as a tree, everything else as harmless Markdown; long text folds."""
    document = _json_in(text)
    if document is not None:
        st.json(document, expanded=2)
        return
    shown = harmless(text)
    if len(shown) <= FOLD_AFTER:
        st.markdown(shown)
        return
    st.markdown(shown[:FOLD_AFTER] + " …")
    with st.expander(f"The whole answer ({len(text):,} characters)"):
        st.text(text)


def harmless(text: str) -> str:
    """Neutralise images, links and Streamlit's directives in Markdown; HTML is escaped by Streamlit itself."""
    text = _IMAGE.sub(lambda found: f"(image: {found[1] or found[2] or 'without a name'})", text)
    text = _REFERENCE.sub("", text)
    text = _LINK.sub(lambda found: f"{found[1]} ({found[2]})", text)
    text = _AUTOLINK.sub(r"\1", text)
    text = _BARE.sub(lambda found: f"{found[1]}:\u200b//", text)
    text = _DIRECTIVE.sub("\\:", text)
    return text.replace("$", "\\$")


def _json_in(text: str) -> object | None:
    stripped = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    if not stripped.startswith(("{", "[")):
        return None
    try:
        document: object = json.loads(stripped)
    except ValueError:
        return None
    return document
