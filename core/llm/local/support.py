"""Can the built-in model run on this machine? Asked before it is offered, without loading anything."""

from __future__ import annotations

import importlib.util
import platform
import sys
from pathlib import Path

from core.llm.local.weights import why_no_room

# The x86 wheel is compiled for these and picks nothing at run time: without them it dies at its first call.
_X86_FLAGS = frozenset({"avx2", "fma", "f16c"})
_CPUINFO = Path("/proc/cpuinfo")


def why_unavailable(data_dir: Path) -> str | None:
    """Say in a sentence why the built-in model cannot run here, or None when it can.

    Args:
        data_dir: where its file is or would be stored.
    """
    return why_engine_unavailable() or why_no_room(data_dir)


def why_engine_unavailable() -> str | None:
    """Say why the engine cannot run, whatever the state of the weights, or None when it can."""
    if sys.platform != "linux":
        return "it needs Linux."
    machine = platform.machine()
    if machine not in {"x86_64", "aarch64"}:
        return f"its engine is not made for {machine} processors."
    if machine == "x86_64" and not _has_x86_flags():
        return "this computer's processor lacks AVX2."
    if importlib.util.find_spec("xllamacpp") is None:
        return "its engine is not installed; install the extra named local."
    return None


def _has_x86_flags() -> bool:
    try:
        lines = _CPUINFO.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        # Hidden by a sandbox: let the server try; a wrong guess ends in the same error a moment later.
        return True
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
    return set(flags.split()) >= _X86_FLAGS
