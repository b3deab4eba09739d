"""The rules of the house, checked by a machine: who may import whom, and who may touch what."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOUNS = (
    "accounts",
    "agents",
    "approvals",
    "audit",
    "budgets",
    "departments",
    "firings",
    "housekeeping",
    "idempotency",
    "keys",
    "ledger",
    "limits",
    "local_model",
    "logins",
    "master_keys",
    "notify",
    "oauth",
    "organisation",
    "passkeys",
    "people",
    "prices",
    "rollup",
    "quotas",
    "runs",
    "schedules",
    "setup",
    "shared_costs",
    "statements",
    "tokens",
    "triggers",
    "turns",
    "two_factor",
    "usage",
    "webhooks",
    "workflows",
)


def modules(*folders: str) -> list[Path]:
    return sorted(f for folder in folders for f in (ROOT / folder).rglob("*.py") if "migrations" not in f.parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def imports(path: Path) -> tuple[tuple[str, bool], ...]:
    """Return each imported module and whether the import stands at the top of the file."""
    return tuple(_imports(tree_of(path)))


def _imports(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if id(node) in guarded:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) in top
            yield from ((f"{node.module}.{alias.name}", id(node) in top) for alias in node.names)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def importers(package: str, *folders: str) -> set[str]:
    return {
        name(path)
        for path in modules(*folders)
        if any(m == package or m.startswith(f"{package}.") for m, _ in imports(path))
    }


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("package", ["streamlit", "starlette", "fastapi", "app", "pages"])
def test_core_knows_no_web(package: str) -> None:
    assert importers(package, "core") == set()


def test_pages_import_app_and_only_values_of_core() -> None:
    allowed = ("core.errors", "core.clock", "core.llm.registry")
    for path in modules("pages"):
        for module, _ in imports(path):
            if module.split(".")[0] != "core" or module == "core":
                continue
            assert module.startswith(allowed) or ".models" in module or module == "core.clock", (
                f"{name(path)}: {module}"
            )


def test_pages_are_small_and_lend_nothing() -> None:
    for path in modules("pages"):
        assert len(path.read_text("utf-8").splitlines()) <= 120, name(path)
    assert importers("pages", "app", "core", "pages") == set()


def test_sql_stands_in_repositories_and_core_db() -> None:
    outside = {f for f in importers("sqlalchemy", "core", "app", "pages") if not f.startswith("core/db/")}
    assert {f for f in outside if not f.endswith("/repository.py")} == set()


def test_vendor_sdks_stand_where_they_belong() -> None:
    places = {
        "crewai": ("core/engine/crew.py", "core/llm/bridge.py", "core/worker/process.py"),
        "langchain_core": ("core/llm/bridge.py", "core/engine/crew.py"),
        "langchain_openai": ("core/llm/providers/",),
        "langchain_ollama": ("core/llm/providers/",),
        "langchain_anthropic": ("core/llm/providers/anthropic.py",),
        "langchain_google_genai": ("core/llm/providers/gemini.py",),
        "langchain_groq": ("core/llm/providers/groq.py",),
        "langchain_mistralai": ("core/llm/providers/mistral.py",),
        "anthropic": ("core/llm/providers/anthropic.py",),
        "google": ("core/llm/providers/gemini.py",),
        "httpx2": ("core/security/egress/httpx2_face.py",),
        "dbos": ("core/worker/", "core/runs/queue.py", "core/commands.py"),
        "authlib": ("core/oauth/",),
        "joserfc": ("core/oauth/", "core/logins/access.py"),
        "webauthn": ("core/passkeys/",),
        "alembic": ("core/db/migrate.py",),
        "mcp": ("app/api/mcp/server.py",),
        "streamlit_authenticator": ("app/ui/authenticator.py",),
    }
    for package, allowed in places.items():
        for path in importers(package, "core", "app", "pages"):
            assert path.startswith(allowed), f"{path} imports {package}"


def test_providers_import_their_sdk_inside_functions() -> None:
    sdks = (
        *("langchain", "openai", "anthropic", "google", "groq", "httpx_sse", "crewai"),
        *("authlib", "joserfc", "webauthn"),
    )
    for path in modules("core/llm/providers", "core/logins", "core/oauth", "core/passkeys", "core/tools/builtin"):
        heavy = [m for m, at_top in imports(path) if at_top and m.split(".")[0].startswith(sdks)]
        assert heavy == [], name(path)


def test_a_noun_never_uses_another_nouns_repository() -> None:
    for noun in NOUNS:
        for path in modules(f"core/{noun}"):
            for module, _ in imports(path):
                parts = module.split(".")
                if len(parts) > 2 and parts[0] == "core" and parts[2] == "repository":
                    assert parts[1] == noun, f"{name(path)} uses {module}"


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        ("os.environ", {"core/config.py", "core/engine/startup.py"}),
        ("datetime.now", {"core/clock.py"}),
        ("secrets.token", {"core/clock.py"}),
        ("uuid", set()),
        (".commit(", set()),
        ("unsafe_allow_html", set()),
        ("import pickle", set()),
    ],
)
def test_a_thing_is_touched_in_one_place(pattern: str, allowed: set[str]) -> None:
    found = {
        name(path)
        for path in modules("core", "app", "pages")
        if any(pattern in line.split("#")[0] for line in path.read_text("utf-8").splitlines())
    }
    assert found <= allowed


def test_fragments_and_dialogs_ask_again_who_is_signed_in() -> None:
    """They rerun past ``app.shell``: without ``@guarded`` somebody shut out could go on in an open dialog."""
    for path in modules("app", "pages"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef):
                decorators = [ast.unparse(decorator).split("(")[0] for decorator in node.decorator_list]
                if {"st.fragment", "st.dialog"} & set(decorators):
                    assert decorators[-1] == "guarded", f"{name(path)}: {node.name}"


def test_every_module_says_why_it_exists() -> None:
    for path in modules("core", "app", "pages"):
        assert ast.get_docstring(tree_of(path)), name(path)


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "manager"])
def test_no_module_has_an_empty_name(word: str) -> None:
    assert [name(p) for p in modules("core", "app", "pages") if p.stem == word] == []


def test_files_are_small() -> None:
    longest = {name(p): len(p.read_text("utf-8").splitlines()) for p in modules("core", "app")}
    assert {p: n for p, n in longest.items() if n > 320} == {}
