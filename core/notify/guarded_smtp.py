"""A conversation over SMTP with a server that a person chose: through the guard, within a time and a size."""

from __future__ import annotations

import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

from core.security.egress import EgressPolicy, guarded_socket
from core.security.egress.tls import tls_context

if TYPE_CHECKING:
    from core.notify.transports.smtp import SmtpServer

PORTS = (25, 465, 587, 2525)
STEP_SECONDS = 20.0
MAX_SAID = 200_000


@contextmanager
def guarded_smtp(server: SmtpServer, policy: EgressPolicy, total_seconds: float) -> Iterator[smtplib.SMTP]:
    """Connect, encrypt and sign in; whatever is left after ``total_seconds`` ends with a TimeoutError.

    Raises:
        AddressBlocked: the server may not be called; nothing is connected then.
        smtplib.SMTPException, OSError: as smtplib says it.
    """
    smtp = _Smtp(server, policy, min(STEP_SECONDS, total_seconds))
    is_over = threading.Event()

    def end() -> None:
        is_over.set()
        smtp.cut()

    timer = threading.Timer(total_seconds, end)
    timer.daemon = True
    timer.start()
    try:
        smtp.sign_in()
        yield smtp
    except (smtplib.SMTPException, OSError) as error:
        if is_over.is_set():
            raise TimeoutError("the mail server took too long") from error
        raise
    finally:
        timer.cancel()
        smtp.close()


class _Smtp(smtplib.SMTP):
    """Connects through the guard, with TLS at once where that is wanted, and reads so much at most."""

    def __init__(self, server: SmtpServer, policy: EgressPolicy, step_seconds: float) -> None:
        self._server = server
        self._policy = policy.with_ports(*PORTS)
        # The same connection under another descriptor: smtplib replaces its own for TLS.
        self._twin: socket.socket | None = None
        self._is_cut = False
        super().__init__(timeout=step_seconds)
        self._host = server.host  # what the certificate has to name

    def sign_in(self) -> None:
        """Say hello, encrypt and give the password."""
        code, said = self.connect(self._server.host, self._server.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        if self._server.tls == "starttls":
            self.starttls(context=tls_context())
        if self._server.user:
            self.login(self._server.user, self._server.password)
        self.ehlo_or_helo_if_needed()

    def cut(self) -> None:
        """End the connection under whoever waits for it; callable from any thread."""
        self._is_cut = True
        if self._twin is not None:
            with suppress(OSError):
                self._twin.shutdown(socket.SHUT_RDWR)

    def getreply(self) -> tuple[int, bytes]:
        """Read an answer, counted."""
        if self.file is None and self.sock is not None:
            self.file = _Counted(self.sock.makefile("rb"))
        return super().getreply()

    def close(self) -> None:
        """Close everything."""
        super().close()
        if self._twin is not None:
            self._twin.close()

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = guarded_socket(self._policy, host, port, timeout)
        self._twin = sock.dup()
        if self._is_cut:
            sock.close()
            raise TimeoutError
        sock.settimeout(timeout)
        return tls_context().wrap_socket(sock, server_hostname=host) if self._server.tls == "implicit" else sock


class _Counted:
    """The server's words, of which there can be without end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = MAX_SAID

    def readline(self, limit: int = -1) -> bytes:
        line = self._file.readline(limit)
        self._left -= len(line)
        if self._left < 0:
            raise smtplib.SMTPServerDisconnected("the server talks without end")
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
