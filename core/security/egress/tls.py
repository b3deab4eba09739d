"""One TLS context for the process: building it reads the whole CA bundle, about 30 ms each time."""

from __future__ import annotations

import ssl
import threading

import certifi

_lock = threading.Lock()
_context: ssl.SSLContext | None = None


def tls_context() -> ssl.SSLContext:
    """Give the shared client context: certificates and host names are always verified."""
    global _context
    with _lock:
        if _context is None:
            _context = ssl.create_default_context(cafile=certifi.where())
        return _context
