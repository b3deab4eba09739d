"""What an SDK puts off until two threads need it at once is done before."""

from __future__ import annotations

import subprocess
import sys

import pytest

from core.config import ROOT

# In a process of its own: in this one other tests have had them built.
LOOK = """
from pydantic import SecretStr
from core.llm.base import ChatOptions, Endpoint
from core.llm.prebuilt import models_within
from core.llm.registry import provider_named
from core.security.egress import EgressPolicy, guarded_client
{imports}
found = list(models_within({root}))
put_off = [model for model in found if not model.__pydantic_complete__]
client = guarded_client(EgressPolicy.from_allowlist(""), total_seconds=1, max_bytes=1)
endpoint = Endpoint("https://api.example.com", SecretStr("zk-secret"))
provider_named("{name}").chat_model(endpoint, ChatOptions("m", 0.0, 16, 5.0), client)
print(len(put_off), [model.__name__ for model in models_within({root}) if not model.__pydantic_complete__])
"""
ROOTS = {
    "openai": ("from openai.types.chat import ChatCompletionChunk", "ChatCompletionChunk"),
    "groq": ("from groq.types.chat import ChatCompletionChunk", "ChatCompletionChunk"),
    "anthropic": ("from anthropic.types import RawMessageStreamEvent", "RawMessageStreamEvent"),
}


@pytest.mark.parametrize("name", ROOTS)
def test_every_model_of_an_answer_is_built_with_the_chat_model(name: str) -> None:
    imports, root = ROOTS[name]
    script = LOOK.format(imports=imports, root=root, name=name)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=300, check=True
    )
    count, left = done.stdout.strip().split(" ", 1)
    assert int(count) > 3, "else this guards against nothing any more"
    assert left == "[]"
