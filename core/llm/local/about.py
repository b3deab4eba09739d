"""What the built-in model is, said once: the pages, the download and the server all read it here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelFile:
    """A weights file, known by its content.

    Attributes:
        name: the file's name on disk.
        sha256: of the whole file, in hex; the only thing that is trusted about a download.
        size_bytes: its exact size.
    """

    name: str
    sha256: str
    size_bytes: int


MODEL_NAME = "qwen2.5-coder-0.5b-instruct"
DESCRIPTION = "A small demo model that runs on this server: right on about half of simple tickets."
LICENCE = "Apache-2.0"
PUBLISHER = "Qwen (Alibaba Cloud)"

FILE = ModelFile(
    name="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    size_bytes=491_400_064,
)
REPOSITORY_URL = "https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF"
DOWNLOAD_URL = f"{REPOSITORY_URL}/resolve/main/{FILE.name}"

# Prompt and answer together. Measured resident sizes after the start: 602 MB with 2048 tokens, 615 MB with
# 4096, 642 MB with 8192; CrewAI's prompts with tools and a schema need more than 2048.
CONTEXT_TOKENS = 4096
# When a request names no limit: a small model that repeats itself would otherwise fill its context,
# two minutes on two cores, while others wait.
MAX_OUTPUT_TOKENS = 1024
# Resident size with a full context (634 MB measured); 124 MB of it is private, the rest is the mapped file.
MEMORY_BYTES = 640_000_000
