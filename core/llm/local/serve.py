"""The child process: llama.cpp's own server, bound to loopback, behind a key, gone when its parent is gone.

Run as ``python -m core.llm.local.serve --model PATH --context N --threads N``. The key is the first line of
stdin, where no process list shows it; the end of stdin is the signal to leave. When ready it prints one line
of JSON, ``{"port": N}``.
"""

from __future__ import annotations

import argparse
import ctypes
import http.client
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.llm.local.about import MAX_OUTPUT_TOKENS, MODEL_NAME

HOST = "127.0.0.1"
_TEMPLATE = Path(__file__).with_name("facts.jinja")
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve until stdin ends or a signal comes."""
    _die_with_parent()
    options = _options()
    report = _private_stdout()
    api_key = sys.stdin.readline().strip()
    if not api_key:
        sys.exit("no key on stdin")
    _server, port = _start(options, api_key)
    if not _demands_key(port):
        sys.exit("the server answers without its key")
    report.write(json.dumps({"port": port}) + "\n")
    report.flush()
    while sys.stdin.read(4096):
        pass
    # Nothing to save; the engine's threads are not worth waiting for.
    os._exit(0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="core.llm.local.serve")
    parser.add_argument("--model", required=True)
    parser.add_argument("--context", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    return parser.parse_args()


def _start(options: argparse.Namespace, api_key: str) -> tuple[object, int]:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.model_alias = {MODEL_NAME}
    params.hostnames = [HOST]
    params.port = 0
    params.api_keys = [api_key]
    params.ui = False
    params.endpoint_slots = False
    params.verbosity = 2
    _size(params, xllamacpp, options)
    params.use_jinja = True
    # With the model's own template its tool calls arrive as plain text.
    params.chat_template = _TEMPLATE.read_text(encoding="utf-8")
    server = xllamacpp.Server(params)
    port = urlsplit(str(server.listening_address)).port
    if port is None:
        sys.exit("the server names no port")
    return server, port


def _size(params: Any, xllamacpp: Any, options: argparse.Namespace) -> None:
    """Keep it small: 640 MB at most instead of 780."""
    params.n_ctx = options.context
    params.n_predict = MAX_OUTPUT_TOKENS
    # One at a time: a second slot would halve the context, and two cores have no speed to share.
    params.n_parallel = 1
    params.n_batch = 512
    params.n_ubatch = 128
    params.cpuparams.n_threads = options.threads
    params.cpuparams_batch.n_threads = options.threads
    params.cache_type_k = xllamacpp.ggml_type.GGML_TYPE_Q8_0
    params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_Q8_0
    # No second, repacked copy of the weights in memory.
    params.no_extra_bufts = True
    # llama.cpp's default keeps up to 8 GiB of old prompts.
    params.cache_ram_mib = 0


def _demands_key(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("POST", "/v1/chat/completions", body="{}", headers={"Content-Type": "application/json"})
        return connection.getresponse().status == http.client.UNAUTHORIZED
    finally:
        connection.close()


def _private_stdout() -> Any:
    """Keep stdout for the one line; whatever the engine prints there goes to stderr."""
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return report


def _die_with_parent() -> None:
    # The second safety, for a parent whose end of stdin was inherited by another process. Linux counts the
    # thread that started us as the parent: process.py keeps that thread alive.
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


if __name__ == "__main__":
    main()
