"""Prepares a process for CrewAI: no telemetry, no key in the environment, files in one folder.

It has to run before the first import of ``crewai``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

SWITCHES = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_DISABLE_TRACKING": "true",
    "OTEL_SDK_DISABLED": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "CREWAI_DISABLE_VERSION_CHECK": "true",
    "CREWAI_TESTING": "true",  # no first-run prompt, no record of the last run
    "ANONYMIZED_TELEMETRY": "False",  # chromadb
    "LANGSMITH_TRACING_V2": "false",  # the first of the names that langsmith asks for
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_TRACING": "false",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}

# An operator's credential must never become the fallback for a person's missing key.
_CREDENTIAL = re.compile(
    r"(_API_KEY|_API_TOKEN|_TOKEN|_SECRET|_PASSWORD|_PAT|_MASTER_KEYS|_DSN)$"
    r"|^(AWS|AZURE|GOOGLE|SNOWFLAKE|WATSONX|OPENAI|ANTHROPIC|GEMINI|MISTRAL|GROQ|OLLAMA|CREWAI_PLUS)_"
    r"|^(LANGSMITH|LANGCHAIN)_"
    r"|^(DATABASE_URL|REDIS_URL|SMTP_URL|MODEL|MODEL_NAME|LITELLM_.*)$"
    r"|(_DATABASE_URL|_SECRET_ACCESS_KEY)$"
    r"|(^|_)(BASE_URL|API_BASE)$"
)


def prepare_process(data_dir: Path) -> None:
    """Set the switches, remove credentials, and send CrewAI's files below ``data_dir``."""
    for name in [name for name in os.environ if _CREDENTIAL.search(name)]:
        del os.environ[name]
    os.environ.update(SWITCHES)
    storage = (data_dir / "crewai").resolve()
    storage.mkdir(parents=True, exist_ok=True)
    for name in ("CREWAI_STORAGE_DIR", "HOME", "TMPDIR"):
        os.environ[name] = str(storage)
