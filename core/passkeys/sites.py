"""Where browsers offer passkeys: on https, or on localhost, and never at a bare IP address."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from core.passkeys.failures import PasskeysNotHere
from core.passkeys.models import Site

_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address as browsers write them; empty when it is no web address."""
    found = _split(url)
    if found is None or found.hostname is None:
        return ""
    host = f"[{found.hostname}]" if ":" in found.hostname else _ascii(found.hostname)
    port = "" if found.port in (None, _DEFAULT_PORTS[found.scheme]) else f":{found.port}"
    return f"{found.scheme}://{host}{port}"


def site_at(base_url: str, opened_at: str) -> Site:
    """Return where passkeys belong.

    Args:
        base_url: the address that the settings give; empty when they give none.
        opened_at: the address at which the visitor has opened Zoark.

    Raises:
        PasskeysNotHere: browsers offer no passkeys at this address; says which one to open.
    """
    here, home = origin_of(opened_at), origin_of(base_url)
    problem = _problem(home or here)
    if problem:
        raise PasskeysNotHere(problem)
    if home and here != home:
        raise PasskeysNotHere(f"Passkeys work at {home} only. Open Zoark there.")
    return Site(rp_id=urlsplit(here).hostname or "", origin=here)


def _problem(origin: str) -> str | None:
    parts = urlsplit(origin)
    host = parts.hostname or ""
    if _is_address(host):
        if ip_address(host).is_loopback:
            named = f"{parts.scheme}://localhost" + (f":{parts.port}" if parts.port else "")
            return f"Passkeys do not work at a bare IP address. Open Zoark at {named} instead."
        return "Passkeys do not work at a bare IP address. Open Zoark by its name, at an https address."
    is_this_machine = host == "localhost" or host.endswith(".localhost")
    if parts.scheme != "https" and not is_this_machine:
        return "Passkeys work at an https address only. Ask an administrator for the one of Zoark."
    return None


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port  # raises when it is no number
    except ValueError:
        return None
    return parts if parts.scheme in _DEFAULT_PORTS and parts.hostname else None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host
