"""A worker forgets every credential of its environment before CrewAI can fall back to one. The names are
read from the installed sources, so that an update which asks for a new one fails here."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import ROOT
from core.engine.startup import SWITCHES, prepare_process

# Where CrewAI and the SDKs under our providers look for keys and addresses.
SOURCES = (
    "crewai/llms",
    "crewai/llm.py",
    "crewai/constants.py",
    "crewai/utilities/llm_utils.py",
    "openai/_client.py",
    "langchain_core/utils/_gateway.py",
    "langchain_openai/chat_models/base.py",
    "langchain_openai/chat_models/_client_utils.py",
    "langchain_ollama",
    "ollama",
    "langchain_anthropic",
    "anthropic/_client.py",
    "anthropic/_base_client.py",
    "anthropic/lib/credentials",
    "langchain_google_genai",
    "google/genai/_api_client.py",
    "google/genai/client.py",
    "langchain_groq",
    "groq/_client.py",
    "groq/_base_client.py",
    "langchain_mistralai",
)
# Reads whose name is not written in place; the names are found elsewhere in the same sources.
KNOWN_INDIRECT = {
    "config.api_key_env": "api_key_env=… of each compatible provider of CrewAI",
    "config.base_url_env": "base_url_env=… of each compatible provider of CrewAI",
    "api_key_env": "api_key_env=… where LangChain asks for its gateway",
    "base_url_env": "base_url_env=… where LangChain asks for its gateway",
    "env_var": "SNOWFLAKE_TOKEN_ENV_VARS",
    "key_name": "ENV_VARS in crewai/constants.py",
    "name": "a parameter, called with constants",
    "config": "a credentials file's own field, read by a function that only ends like the others",
    "self._env_var": "ENV_IDENTITY_TOKEN of Anthropic's SDK",
}
SENSITIVE = re.compile(
    r"KEY|TOKEN|SECRET|PASSWORD|PASSPHRASE|CREDENTIAL|(^|_)(PAT|JWT|AUTH)(_|$)|URL|BASE|ENDPOINT|HOST|ACCOUNT"
    r"|PROXY|ORG|PROJECT|HEADERS|MODEL|GATEWAY"
)
# Nothing here follows the environment's proxy: tests/contract/test_providers.py.
HARMLESS = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}
NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
TABLE = re.compile(r"^_?[A-Z_]*ENV(_VARS?)?$|^ENV_[A-Z_]+$|_ENV_VARIABLE_NAME$")


def source_files() -> Iterator[Path]:
    for source in SOURCES:
        spec = importlib.util.find_spec(source.split("/")[0])
        assert spec is not None
        assert spec.submodule_search_locations is not None
        path = Path(spec.submodule_search_locations[0]).parent / source
        assert path.exists(), f"{source} has moved: look for its successor"
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


class EnvironmentReads(ast.NodeVisitor):
    """Collects the names of variables that a source asks for, and the expressions that are not names."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.indirect: set[str] = set()

    def visit_Call(self, node: ast.Call) -> None:
        function = ast.unparse(node.func)
        if re.fullmatch(
            r"(os\.)?(getenv|environ\.(get|pop|setdefault))|(secret_)?from_env|get_from_env|\w*_env", function
        ):
            for argument in node.args[:1]:
                self._note(argument)
        for keyword in node.keywords:
            if keyword.arg and keyword.arg.endswith("_env") and isinstance(keyword.value, ast.Constant):
                self._note(keyword.value)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if ast.unparse(node.value).endswith("environ"):
            self._note(node.slice)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        if any(ast.unparse(right).endswith("environ") for right in node.comparators):
            self._note(node.left)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self._note_listed(node.targets, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._note_listed([node.target], node.value)
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "key_name":
                self._note(value)
        self.generic_visit(node)

    def _note_listed(self, targets: list[ast.expr], value: ast.expr | None) -> None:
        """Take tables such as SNOWFLAKE_TOKEN_ENV_VARS = ("SNOWFLAKE_PAT", …)."""
        if value is not None and any(TABLE.search(ast.unparse(target)) for target in targets):
            for part in ast.walk(value):
                if isinstance(part, ast.Constant) and NAME.fullmatch(str(part.value)):
                    self._note(part)

    def _note(self, name: ast.expr) -> None:
        if isinstance(name, ast.List):
            for element in name.elts:
                self._note(element)
        elif isinstance(name, ast.Constant):
            self.names.add(str(name.value))
        elif not TABLE.search(ast.unparse(name)):  # tables are read where they are made
            self.indirect.add(ast.unparse(name))


@pytest.fixture(scope="module")
def reads() -> EnvironmentReads:
    found = EnvironmentReads()
    for file in source_files():
        found.visit(ast.parse(file.read_text("utf-8")))
    return found


@pytest.fixture
def environment() -> Iterator[None]:
    """Whatever a test does to the environment is undone."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def test_the_search_finds_what_is_known_to_be_there(reads: EnvironmentReads) -> None:
    assert {
        "OPENAI_API_KEY",
        "OPENAI_ORG_ID",
        "OLLAMA_HOST",
        "OLLAMA_API_KEY",
        "SNOWFLAKE_PAT",
        "AWS_SESSION_TOKEN",
        "DEEPINFRA_BASE_URL",
        "OPENAI_PROXY",
        "OPENAI_CUSTOM_HEADERS",
        "API_BASE",
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_CUSTOM_HEADERS",
        "GOOGLE_GENAI_USE_VERTEXAI",
        "GEMINI_API_KEY",
        "GROQ_API_BASE",
        "MISTRAL_BASE_URL",
        "LANGSMITH_GATEWAY",
    } <= reads.names


def test_no_variable_is_asked_for_in_a_way_the_search_does_not_understand(reads: EnvironmentReads) -> None:
    assert sorted(reads.indirect - set(KNOWN_INDIRECT)) == []


@pytest.mark.usefixtures("environment")
def test_a_worker_forgets_every_credential_and_address(reads: EnvironmentReads, tmp_path: Path) -> None:
    sensitive = {name for name in reads.names if SENSITIVE.search(name)} - HARMLESS
    os.environ.update(dict.fromkeys(sensitive, "trap"))
    prepare_process(tmp_path)
    assert sorted(sensitive & set(os.environ)) == []


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    "name",
    [
        "DATABASE_URL",
        "ZOARK_MASTER_KEYS",
        "ZOARK_ADMIN_PASSWORD",
        "SENTRY_DSN",
        "REDIS_URL",
        "SMTP_URL",
        "AWS_SECRET_ACCESS_KEY",
        "GITHUB_TOKEN",
        "LANGSMITH_API_KEY",
    ],
)
def test_a_worker_forgets_the_secrets_of_the_installation(name: str, tmp_path: Path) -> None:
    os.environ[name] = "trap"
    prepare_process(tmp_path)
    assert name not in os.environ


@pytest.mark.usefixtures("environment")
def test_a_worker_keeps_what_a_process_needs(tmp_path: Path) -> None:
    kept = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC", "SSL_CERT_FILE": "/etc/ssl/cert.pem"}
    os.environ.update(kept)
    prepare_process(tmp_path)
    assert kept.items() <= os.environ.items()
    assert SWITCHES.items() <= os.environ.items()
    folders = {os.environ[name] for name in ("HOME", "TMPDIR", "CREWAI_STORAGE_DIR")}
    assert folders == {str(tmp_path / "crewai")}


def test_nothing_is_traced_to_langsmith_even_when_the_environment_asks_for_it(tmp_path: Path) -> None:
    """In a process of its own: langsmith remembers its first answer."""
    code = (
        "import sys; from pathlib import Path; from core.engine.startup import prepare_process;"
        "prepare_process(Path(sys.argv[1])); from langsmith.utils import tracing_is_enabled;"
        "print(tracing_is_enabled())"
    )
    asked = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, **dict.fromkeys(asked, "true")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"
