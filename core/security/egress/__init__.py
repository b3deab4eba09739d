"""Every outbound call to an address a user can choose goes through here (SSRF guard, deadlines, abort)."""

from core.security.egress.addresses import check_address
from core.security.egress.client import (
    GuardedClient,
    guarded_client,
    refusing_async_client,
    refusing_async_transport,
)
from core.security.egress.connector import connections_opened
from core.security.egress.policy import EgressPolicy
from core.security.egress.sockets import guarded_socket, refuse_private_name

__all__ = [
    "EgressPolicy",
    "GuardedClient",
    "check_address",
    "connections_opened",
    "guarded_client",
    "guarded_socket",
    "refuse_private_name",
    "refusing_async_client",
    "refusing_async_transport",
]
