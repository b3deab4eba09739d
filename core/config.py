"""The settings: read once, typed, from the environment, then ``X_FILE``, then ``.streamlit/secrets.toml``.

A wrong value stops the start with one sentence. The settings table of the README is generated from here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import EnvSettingsSource, TomlConfigSettingsSource

from core.errors import SettingsWrong

ROOT = Path(__file__).resolve().parent.parent
SECRETS_TOML = ROOT / ".streamlit" / "secrets.toml"


class Settings(BaseSettings):
    """Every setting, under the name it has in the environment."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, case_sensitive=True)

    database_url: SecretStr = Field(
        SecretStr(""),
        alias="DATABASE_URL",
        description="SQLAlchemy URL of SQLite or PostgreSQL. Default: `sqlite:///<data dir>/zoark.db`.",
    )
    data_dir: Path = Field(
        Path("data"), alias="ZOARK_DATA_DIR", description="Folder of everything Zoark writes to disk."
    )
    master_keys: SecretStr = Field(
        SecretStr(""),
        alias="ZOARK_MASTER_KEYS",
        description="Key ring `2:<base64 of 32 bytes>,1:…`, newest first. Made and kept in the data dir with "
        "SQLite; required with PostgreSQL.",
    )
    trust_proxy: bool = Field(
        False,
        alias="ZOARK_TRUST_PROXY",
        description="Believe X-Forwarded-Proto and X-Forwarded-For of the proxy in front.",
    )
    force_https: bool = Field(
        False, alias="ZOARK_FORCE_HTTPS", description="Send http visitors to https (with ZOARK_TRUST_PROXY)."
    )
    registration: Literal["invite", "open", "closed"] | None = Field(
        None,
        alias="ZOARK_REGISTRATION",
        description="Who may register: `invite`, `open` or `closed`. Unset: an administrator chooses in the app, "
        "`invite` at first.",
    )
    admin_email: str = Field("", alias="ZOARK_ADMIN_EMAIL", description="First administrator, at the first start.")
    admin_password: SecretStr = Field(
        SecretStr(""),
        alias="ZOARK_ADMIN_PASSWORD",
        description="Their password; without it one is printed once.",
    )
    worker: Literal["embedded", "external"] = Field(
        "embedded",
        alias="ZOARK_WORKER",
        description="`embedded`: the web process starts a worker when there is work. `external`: start your own.",
    )
    worker_idle_seconds: int = Field(
        300,
        alias="ZOARK_WORKER_IDLE_SECONDS",
        ge=5,
        description="An embedded worker stops after this idle time.",
    )
    worker_threads: int = Field(
        8, alias="ZOARK_WORKER_THREADS", ge=1, le=64, description="Runs that one worker executes at once."
    )
    endpoint_allowlist: str = Field(
        "",
        alias="ZOARK_ENDPOINT_ALLOWLIST",
        description="Exact `host:port` pairs that may be private or plain http, such as `127.0.0.1:11434`.",
    )
    local_model: Path | None = Field(
        None, alias="ZOARK_LOCAL_MODEL", description="Path of the built-in model's GGUF file, if not fetched."
    )
    base_url: str = Field(
        "",
        alias="ZOARK_BASE_URL",
        description="The address people open, such as `https://zoark.example.com`; links in e-mail lead there, "
        "passkeys belong to it.",
    )
    api_requests_per_minute: int = Field(
        600,
        alias="ZOARK_API_REQUESTS_PER_MINUTE",
        ge=1,
        le=1_000_000,
        description="Requests a minute that one token, session or address may send to the REST API.",
    )
    cors_origins: str = Field(
        "",
        alias="ZOARK_CORS_ORIGINS",
        description="Origins such as `https://tools.example.com`, separated by commas, whose pages may call the "
        "REST API with a token.",
    )
    smtp_url: SecretStr = Field(
        SecretStr(""),
        alias="SMTP_URL",
        description="Sends e-mail: `smtp://user:password@host:587` (STARTTLS) or `smtps://…:465`. "
        "`?tls=off` only inside a trusted network.",
    )
    sendgrid_api_key: SecretStr = Field(
        SecretStr(""), alias="SENDGRID_API_KEY", description="Sends e-mail through SendGrid."
    )
    mailgun_api_key: SecretStr = Field(
        SecretStr(""), alias="MAILGUN_API_KEY", description="Sends e-mail through Mailgun."
    )
    mailgun_domain: str = Field("", alias="MAILGUN_DOMAIN", description="The sending domain at Mailgun.")
    mail_api_url: str = Field(
        "",
        alias="ZOARK_MAIL_API_URL",
        description="Another address of SendGrid's or Mailgun's API, such as `https://api.eu.mailgun.net`.",
    )
    mail_from: str = Field(
        "", alias="ZOARK_MAIL_FROM", description="Sender of e-mail, such as `Zoark <zoark@example.com>`."
    )
    mail_daily_cap: int | None = Field(
        None,
        alias="ZOARK_MAIL_DAILY_CAP",
        ge=1,
        description="E-mails a day (UTC); the rest waits. Default: 100 with SendGrid, no limit otherwise.",
    )
    oauth_google_client_id: str = Field(
        "",
        alias="ZOARK_OAUTH_GOOGLE_CLIENT_ID",
        description="Sign-in with Google: the client. Redirect URI: `<base URL>/oauth/google/callback`.",
    )
    oauth_google_client_secret: SecretStr = Field(
        SecretStr(""), alias="ZOARK_OAUTH_GOOGLE_CLIENT_SECRET", description="Its secret."
    )
    oauth_google_metadata_url: str = Field(
        "https://accounts.google.com/.well-known/openid-configuration",
        alias="ZOARK_OAUTH_GOOGLE_METADATA_URL",
        description="Its OpenID Connect metadata.",
    )
    oauth_microsoft_client_id: str = Field(
        "",
        alias="ZOARK_OAUTH_MICROSOFT_CLIENT_ID",
        description="Sign-in with Microsoft: the client. Redirect URI: `<base URL>/oauth/microsoft/callback`.",
    )
    oauth_microsoft_client_secret: SecretStr = Field(
        SecretStr(""), alias="ZOARK_OAUTH_MICROSOFT_CLIENT_SECRET", description="Its secret."
    )
    oauth_microsoft_metadata_url: str = Field(
        "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration",
        alias="ZOARK_OAUTH_MICROSOFT_METADATA_URL",
        description="Its metadata; put your tenant in the place of `common` to admit only your people.",
    )
    oauth_github_client_id: str = Field(
        "",
        alias="ZOARK_OAUTH_GITHUB_CLIENT_ID",
        description="Sign-in with GitHub: the client. Redirect URI: `<base URL>/oauth/github/callback`.",
    )
    oauth_github_client_secret: SecretStr = Field(
        SecretStr(""), alias="ZOARK_OAUTH_GITHUB_CLIENT_SECRET", description="Its secret."
    )
    oauth_github_base_url: str = Field(
        "https://github.com", alias="ZOARK_OAUTH_GITHUB_BASE_URL", description="Its address; a GitHub Enterprise's."
    )
    oauth_github_api_url: str = Field(
        "https://api.github.com", alias="ZOARK_OAUTH_GITHUB_API_URL", description="The address of its API."
    )
    oauth_oidc_client_id: str = Field(
        "",
        alias="ZOARK_OAUTH_OIDC_CLIENT_ID",
        description="Sign-in with any other OpenID Connect provider. "
        "Redirect URI: `<base URL>/oauth/oidc/callback`.",
    )
    oauth_oidc_client_secret: SecretStr = Field(
        SecretStr(""), alias="ZOARK_OAUTH_OIDC_CLIENT_SECRET", description="Its secret."
    )
    oauth_oidc_metadata_url: str = Field(
        "",
        alias="ZOARK_OAUTH_OIDC_METADATA_URL",
        description="Its metadata: `https://…/.well-known/openid-configuration`.",
    )
    sentry_dsn: SecretStr = Field(
        SecretStr(""), alias="SENTRY_DSN", description="Errors are sent here, with secrets cut out."
    )
    log_format: Literal["console", "json"] = Field(
        "console", alias="ZOARK_LOG_FORMAT", description="`console` for people, `json` for machines."
    )

    @field_validator("database_url")
    @classmethod
    def _is_known_database(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if text and text.partition("://")[0] not in ("sqlite", "postgres", "postgresql", "postgresql+psycopg"):
            raise PydanticCustomError(
                "database_url", "write sqlite:///path/to/file.db or postgresql://user:password@host/database"
            )
        return value

    @field_validator("data_dir", "local_model")
    @classmethod
    def _below_the_project(cls, value: Path | None) -> Path | None:
        # Children of this process may stand in another folder.
        return value and (ROOT / value.expanduser()).resolve()

    @field_validator("local_model", "mail_daily_cap", "registration", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return value or None

    @property
    def database(self) -> str:
        """The database URL in SQLAlchemy's form, with psycopg 3 as PostgreSQL's driver."""
        url = self.database_url.get_secret_value() or f"sqlite:///{self.data_dir / 'zoark.db'}"
        for scheme in ("postgres://", "postgresql://"):
            if url.startswith(scheme):
                return "postgresql+psycopg://" + url.removeprefix(scheme)
        return url

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is an SQLite file."""
        return self.database.startswith("sqlite")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources; the first that knows a setting wins."""
        toml = (TomlConfigSettingsSource(settings_cls, SECRETS_TOML),) if SECRETS_TOML.exists() else ()
        return (init_settings, EnvSettingsSource(settings_cls), _FileSource(settings_cls), *toml)


class _FileSource(PydanticBaseSettingsSource):
    """``X_FILE=/run/secrets/x``: how Docker and Kubernetes hand over secrets."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{field.alias}_FILE")
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text("utf-8").strip(), str(field.alias), False
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsWrong(f"{field.alias}_FILE names {path}, which cannot be read.") from error

    def __call__(self) -> dict[str, Any]:
        found = (self.get_field_value(field, name) for name, field in self.settings_cls.model_fields.items())
        return {name: value for value, name, _ in found if value is not None}


def load_settings(**overrides: object) -> Settings:
    """Read the settings.

    Raises:
        SettingsWrong: a value has the wrong form; the sentence names the setting, never the value.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except (TOMLDecodeError, UnicodeDecodeError):
        raise SettingsWrong(f"{SECRETS_TOML} cannot be read: it is not valid TOML.") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "a setting"
        raise SettingsWrong(f"The setting {name} is wrong: {first['msg']}.") from None


def child_environment(**changes: str) -> dict[str, str]:
    """Return this process's environment with ``changes``, for a child that reads settings of its own."""
    return {**os.environ, **changes}


def environment_where(is_kept: Callable[[str], bool]) -> dict[str, str]:
    """Return the variables of this process's environment whose name ``is_kept`` accepts."""
    return {name: value for name, value in os.environ.items() if is_kept(name)}


def settings_table() -> str:
    """Return the settings as a Markdown table, for the README."""
    lines = ["| setting | default | what it does |", "|---|---|---|"]
    for field in Settings.model_fields.values():
        default = field.get_default()
        shown = default.get_secret_value() if isinstance(default, SecretStr) else default
        text = "" if shown in ("", None) else f"`{str(shown).lower() if isinstance(shown, bool) else shown}`"
        lines.append(f"| `{field.alias}` | {text} | {field.description} |")
    return "\n".join(lines)
