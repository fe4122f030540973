"""Which names a service answers to: a page that rebinds its own name to this machine's address must not use it."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import ip_address

from app.settings import Settings

ANY = "*"
LOCAL = ("localhost", "*.localhost")
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]*)?")


def host_checker(settings: Settings) -> Callable[[bytes], bool | None]:
    """A function of a Host field's value: whether it is one of the service's names, or None where it is malformed."""
    names = allowed_hosts(settings)

    @lru_cache(maxsize=256)
    def check(value: bytes) -> bool | None:
        found = _HOST.fullmatch(value)
        return _is_allowed(found[1].decode(), names) if found else None

    return check


def allowed_hosts(settings: Settings) -> Sequence[str]:
    """The names in settings. By default: with keys, or where it listens on all addresses, any; else the local ones."""
    if settings.allowed_hosts:
        return tuple(name.lower() for name in settings.allowed_hosts)
    if settings.api_keys or settings.api_keys_file or settings.listens_everywhere:
        return (ANY,)
    return (*LOCAL, settings.host.lower())


def _is_allowed(host: str, names: Sequence[str]) -> bool:
    host = host.lower().strip("[]").removesuffix(".")
    if ANY in names or host in names or _is_loopback(host):
        return True
    return any(name.startswith("*.") and host.endswith(name[1:]) for name in names)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
