"""Settings come from the environment, a file it names, or secrets.toml; a wrong one stops the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import config
from core.config import Settings, load_settings
from core.errors import SettingsWrong

PASSWORD = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def secrets_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "secrets.toml"
    monkeypatch.setattr(config, "SECRETS_TOML", path)
    return path


def test_a_fresh_installation_needs_no_setting() -> None:
    settings = load_settings()
    assert settings.registration is None
    assert load_settings(ZOARK_REGISTRATION="").registration is None
    assert load_settings(ZOARK_REGISTRATION="open").registration == "open"
    assert settings.is_sqlite
    assert settings.database == f"sqlite:///{Path('data').resolve() / 'zoark.db'}"


def test_the_environment_beats_a_file_which_beats_secrets_toml(
    secrets_toml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets_toml.write_text('ZOARK_ADMIN_EMAIL = "toml@example.com"\n[auth]\nx = 1\n')
    assert load_settings().admin_email == "toml@example.com"
    file = tmp_path / "email"
    file.write_text("file@example.com\n")
    monkeypatch.setenv("ZOARK_ADMIN_EMAIL_FILE", str(file))
    assert load_settings().admin_email == "file@example.com"
    monkeypatch.setenv("ZOARK_ADMIN_EMAIL", "env@example.com")
    assert load_settings().admin_email == "env@example.com"
    assert load_settings(ZOARK_ADMIN_EMAIL="given@example.com").admin_email == "given@example.com"


@pytest.mark.parametrize("name", ["DATABASE_URL", "ZOARK_MASTER_KEYS", "ZOARK_ADMIN_PASSWORD", "SENTRY_DSN"])
def test_every_secret_can_come_from_a_file_and_is_never_printed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "postgresql://zoark:hunter2@db/zoark"
    (tmp_path / "secret").write_text(f"{secret}\n")
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "secret"))
    settings = load_settings()
    assert secret in {
        field.get_secret_value()
        for field in (
            settings.database_url,
            settings.master_keys,
            settings.admin_password,
            settings.sentry_dsn,
        )
    }
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump()}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ZOARK_REGISTRATION", PASSWORD),
        ("ZOARK_WORKER", PASSWORD),
        ("ZOARK_TRUST_PROXY", PASSWORD),
        ("ZOARK_WORKER_THREADS", PASSWORD),
        ("ZOARK_WORKER_THREADS", "65"),
        ("ZOARK_WORKER_IDLE_SECONDS", "4"),
        ("ZOARK_LOG_FORMAT", PASSWORD),
        ("DATABASE_URL", PASSWORD),
        ("DATABASE_URL", f"mysql://root:{PASSWORD}@db/zoark"),
        ("DATABASE_URL", f"postgresql+asyncpg://root:{PASSWORD}@db/zoark"),
    ],
)
def test_an_operator_with_a_wrong_value_reads_its_name_and_never_the_value(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsWrong) as caught:
        load_settings()
    assert name in caught.value.sentence
    assert value not in caught.value.sentence
    assert PASSWORD not in repr(caught.value)
    assert "\n" not in caught.value.sentence


def test_an_operator_naming_an_unreadable_file_reads_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsWrong, match=r"DATABASE_URL_FILE names .*nowhere, which cannot be read\."):
        load_settings()
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "binary"))
    with pytest.raises(SettingsWrong, match="DATABASE_URL_FILE names"):
        load_settings()


def test_an_operator_with_a_broken_secrets_toml_reads_a_sentence(secrets_toml: Path) -> None:
    secrets_toml.write_text(f"ZOARK_ADMIN_PASSWORD = {PASSWORD}")
    with pytest.raises(SettingsWrong, match=r"secrets\.toml cannot be read") as caught:
        load_settings()
    assert PASSWORD not in caught.value.sentence


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://u:p@h:5433/d", "postgresql+psycopg://u:p@h:5433/d"),
        ("postgresql://u:p@h/d?sslmode=require", "postgresql+psycopg://u:p@h/d?sslmode=require"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("sqlite:////srv/zoark.db", "sqlite:////srv/zoark.db"),
    ],
)
def test_every_usual_form_of_the_database_url_is_understood(given: str, used: str) -> None:
    settings = load_settings(DATABASE_URL=given)
    assert settings.database == used
    assert settings.is_sqlite == used.startswith("sqlite")


def test_an_empty_local_model_means_none() -> None:
    assert load_settings(ZOARK_LOCAL_MODEL="").local_model is None


def test_the_settings_table_names_every_setting_once() -> None:
    table = config.settings_table()
    for field in Settings.model_fields.values():
        assert table.count(f"| `{field.alias}` |") == 1


def test_a_relative_path_is_the_same_for_every_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    found = load_settings(ZOARK_DATA_DIR="elsewhere", ZOARK_LOCAL_MODEL="model.gguf")
    assert found.data_dir == config.ROOT / "elsewhere"
    assert found.local_model == config.ROOT / "model.gguf"
