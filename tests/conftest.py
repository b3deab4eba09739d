"""The cast and the stage of every ring: Alice owns things, Bob is a colleague, Charlie a stranger."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from core.accounts.models import User
from core.audit.origin import set_origin
from core.bootstrap import Core, build_core
from core.config import Settings, load_settings
from core.security import passwords
from tests.fakes.model_server import FakeModelServer
from tests.fakes.openid import FakeOpenId
from tests.support.databases import PostgresTemplates, SqliteTemplates, postgres_server
from tests.support.mailbox import MemoryTransport

pytest_plugins = ["tests.support.memory", "tests.support.rings", "tests.support.statements"]

# The log handlers of one test outlive its captured stderr; that is no news.
logging.raiseExceptions = False

# Tests never see the machine's own configuration.
_OURS = ("DATABASE_URL", "SENTRY_DSN", "SMTP_URL", "SENDGRID_API_KEY", "MAILGUN_API_KEY", "MAILGUN_DOMAIN")
for _name in [n for n in os.environ if n.startswith("ZOARK_") or n in _OURS]:
    if _name != "ZOARK_TEST_MODEL_DIR":
        del os.environ[_name]
# Without compiled files each process that a test starts would compile all of our code once more.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# No example fails for being slow, and each run tries the same ones; --hypothesis-seed=NUMBER tries others.
hypothesis.settings.register_profile(
    "zoark", deadline=None, derandomize=True, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("zoark")

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="session", autouse=True)
def fast_passwords() -> None:
    """bcrypt with 4 rounds: the tests hash hundreds of times."""
    passwords.ROUNDS = 4
    passwords._hasher.cache_clear()
    passwords._dummy.cache_clear()


@pytest.fixture(autouse=True)
def nowhere() -> None:
    """Every test begins without an origin: the one of the test before stays in the thread."""
    set_origin("", "")


@pytest.fixture(scope="session")
def sqlite_templates(tmp_path_factory: pytest.TempPathFactory) -> SqliteTemplates:
    return SqliteTemplates(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_admin_url() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_templates(
    postgres_admin_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresTemplates]:
    templates = PostgresTemplates(postgres_admin_url, tmp_path_factory.mktemp("pg-data"))
    yield templates
    templates.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh, migrated database; every test that asks for it runs on both kinds."""
    name = "sqlite_templates" if request.param == "sqlite" else "postgres_templates"
    with request.getfixturevalue(name).fresh(tmp_path) as url:
        yield url


@pytest.fixture
def fake() -> Iterator[FakeModelServer]:
    """A fake model server on loopback."""
    with FakeModelServer() as server:
        yield server


@pytest.fixture
def settings(database_url: str, tmp_path: Path, fake: FakeModelServer) -> Settings:
    return load_settings(
        DATABASE_URL=database_url,
        ZOARK_DATA_DIR=tmp_path,
        ZOARK_REGISTRATION="open",
        ZOARK_ENDPOINT_ALLOWLIST=f"127.0.0.1:{fake.port}",
        ZOARK_MASTER_KEYS="1:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=",
    )


@pytest.fixture
def core(settings: Settings) -> Iterator[Core]:
    built = build_core(settings)
    yield built
    built.close()


@dataclass(frozen=True)
class Cast:
    """Alice owns things, Bob is in her department, Charlie is a stranger."""

    alice: User
    bob: User
    charlie: User


@pytest.fixture
def cast(core: Core) -> Cast:
    return Cast(
        *(
            core.accounts.register(f"{name}@example.com", name.title(), PASSWORD)
            for name in ("alice", "bob", "charlie")
        )
    )


@pytest.fixture
def alice(cast: Cast) -> User:
    return cast.alice


@pytest.fixture
def charlie(cast: Cast) -> User:
    return cast.charlie


@pytest.fixture
def root(core: Core) -> User:
    """The administrator."""
    return core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")


@pytest.fixture
def post(core: Core) -> MemoryTransport:
    """Where the mails of ``core`` go."""
    core.mail.transport = MemoryTransport()
    return core.mail.transport


@pytest.fixture
def google() -> Iterator[FakeOpenId]:
    """An OpenID Connect provider that may answer with anything."""
    with FakeOpenId() as fake:
        assert isinstance(fake, FakeOpenId)
        yield fake
