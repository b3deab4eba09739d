"""The guard for what is not HTTP: a socket to a checked address, and a look at a name before it is stored."""

from __future__ import annotations

import socket
from contextlib import suppress

import httpcore

from core.security.egress.connector import Connector
from core.security.egress.policy import EgressPolicy

LOOK_UP_SECONDS = 2.0


def guarded_socket(policy: EgressPolicy, host: str, port: int, seconds: float) -> socket.socket:
    """Connect to an address of ``host`` that ``policy`` allows; the caller closes the socket.

    Raises:
        AddressBlocked: the server may not be called; nothing is connected then.
        OSError: it has no address or takes no connection; TimeoutError: not in time.
    """
    policy.check_server(host, port)
    try:
        stream = Connector(policy).connect_tcp(host, port, timeout=seconds)
    except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        raise (TimeoutError if isinstance(error, httpcore.ConnectTimeout) else OSError)(str(error)) from None
    sock: socket.socket = stream.get_extra_info("socket")
    return sock


def refuse_private_name(policy: EgressPolicy, host: str, port: int) -> None:
    """Refuse a server that may not be called, as far as that can be known now: a name may be moved later.

    Raises:
        AddressBlocked: by its looks, or because its name leads to an address that may not be reached.
    """
    policy.check_server(host, port)
    with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
        Connector(policy).check_name(host, port, LOOK_UP_SECONDS)
