"""Shows what a model wrote: Markdown without HTML, and nothing that leaves the page by itself."""

from __future__ import annotations

import json
import re
import textwrap

import streamlit as st
from markdown_it import MarkdownIt

FOLD_AFTER = 6000

# Only its blocks are asked for: after ``_disarmed`` there is no HTML and no reference definition left.
_BLOCKS = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["html_block", "reference"])
_LINK = re.compile(
    r"(!?)\[([^\[\]\n]*)\]"
    r"\([ \t]*<?([^\s<>()]*+(?:\([^\s<>()]*+\)[^\s<>()]*+)?)>?(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'))?[ \t]*\)"
)
# Streamlit makes links of bare addresses, also of escaped ones, and pictures of two kinds of names.
_ACTIVE = re.compile(
    r"(?:https?|ftp)://[^\s<>`|\0]*|www\.[^\s<>`|\0]+"
    r"|(?<![-.\w+])[-.\w+]++@[-\w]+(?:\.[-\w]+)+"
    r"|:(?:material[/_]\w+|streamlit):",
    re.IGNORECASE,
)
_CLOSING_PUNCTUATION = "!\"&'),.:;?]}*_~\\"
_ESCAPABLE = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_BACKTICKS = re.compile("`+")
_CODE_SPAN = "\0"  # in the place of a span while addresses are looked for


def draw(text: str) -> None:
    """Draw a model's answer: JSON as a tree, everything else as harmless Markdown; long text folds."""
    document = _json_in(text)
    if document is not None:
        st.json(document, expanded=2)
        return
    if len(text) <= FOLD_AFTER:
        st.markdown(harmless(text))
        return
    st.markdown(harmless(text[:FOLD_AFTER] + " …"))
    with st.expander(f"The whole answer ({len(text):,} characters)"):
        st.text(text)


def harmless(text: str) -> str:
    """Return Markdown without live links, images, HTML, math and Streamlit's directives.

    They are shown as what they are: text, with addresses as code. Code blocks and code spans stay as written.
    """
    # Streamlit cleans like this; done first, so that what is indented code here is code there.
    cleaned = textwrap.dedent(text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")).strip()
    lines = cleaned.split("\n")
    untouched = set(range(len(lines)))
    is_row = False
    for token in _BLOCKS.parse(cleaned):
        if token.type in ("tr_open", "tr_close"):
            is_row = token.type == "tr_open"
        if token.map is None or token.map[0] not in untouched:
            continue
        start, end = token.map
        if token.type == "inline":
            lines[start:end] = _disarmed("\n".join(lines[start:end]), is_row=is_row).split("\n")
        if token.type in ("inline", "fence", "code_block"):
            untouched.difference_update(range(start, end))
    for number in untouched:  # what is nested too deeply to be taken apart has no code in it, to be sure
        lines[number] = _disarmed(lines[number].replace("`", "'"), is_row=False)
    return "\n".join(lines)


def _disarmed(block: str, *, is_row: bool) -> str:
    """Escape what is active in a paragraph, heading or table row; its code spans stay."""
    seen: list[str] = []  # what a reader sees, one character an entry
    written: list[str] = []  # and how it is written so that it is only seen
    unclosed: set[str] = set()
    at = 0
    while at < len(block):
        char, following = block[at], block[at + 1 : at + 2]
        if char in "![" and (link := _LINK.match(block, at)):
            said, address = link[2], link[3]
            told = f"(image: {said or 'without a name'})" if link[1] else f"{said} ({address})"
            block = block[:at] + told + block[link.end() :]
        elif run := _BACKTICKS.match(block, at):
            end = None if run[0] in unclosed else _end_of_span(block, run, is_row=is_row)
            if end is None:
                unclosed.add(run[0])
                seen += run[0]
                written += ["\\`"] * len(run[0])
            else:
                seen.append(_CODE_SPAN)
                written.append(block[at:end])
            at = end or run.end()
        elif char == "\\" and following in _ESCAPABLE:
            seen.append(following)
            written.append(char + following)
            at += 2
        else:
            if char == "\n":
                unclosed.clear()
            seen.append(char)
            written.append(f"\\{char}" if _is_active(char, following) else char)
            at += 1
    return _with_addresses_as_code("".join(seen), written)


def _end_of_span(block: str, run: re.Match[str], *, is_row: bool) -> int | None:
    # Within its line only: the next one could begin with HTML, and then it is no code for Streamlit.
    closing = re.compile(f"(?<!`){run[0]}(?!`)").search(block, run.end(), _end_of_line(block, run.end()))
    if closing is None or (is_row and re.search(r"(?<!\\)\|", block[run.end() : closing.start()])):
        return None  # a cell ends at a bar, whatever is open
    return closing.end()


def _end_of_line(block: str, at: int) -> int:
    end = block.find("\n", at)
    return len(block) if end < 0 else end


def _is_active(char: str, following: str) -> bool:
    return (
        char in "[]<$"
        or (char == "&" and (following == "#" or following.isalpha()))
        or (char == ":" and (following.isalnum() or following in ("_", ":")))
        or (char == "\\" and following != "\n")
    )


def _with_addresses_as_code(seen: str, written: list[str]) -> str:
    parts: list[str] = []
    at = 0
    for found in _ACTIVE.finditer(seen):
        address = found[0] if found[0].startswith(":") else _without_tail(found[0])
        parts += [*written[at : found.start()], f"`{address}`"]
        at = found.start() + len(address)
    parts += written[at:]
    # Two code spans side by side would become one.
    pairs = zip(["", *parts], parts, strict=False)
    return "".join(f" {part}" if part[0] == "`" and before.endswith("`") else part for before, part in pairs)


def _without_tail(address: str) -> str:
    """Leave the punctuation to the sentence, but not a bracket that the address opened."""
    extra = address.count(")") - address.count("(")
    while address and address[-1] in _CLOSING_PUNCTUATION and (address[-1] != ")" or extra > 0):
        extra -= address[-1] == ")"
        address = address[:-1]
    return address


def _json_in(text: str) -> object | None:
    stripped = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    if not stripped.startswith(("{", "[")):
        return None
    try:
        document: object = json.loads(stripped)
    except (ValueError, RecursionError):
        return None
    return document
