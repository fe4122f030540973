"""Whether the service can listen where its settings say."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from app.settings import PREFIX, Settings, SettingsError, check_public

CAUSES = {
    errno.EADDRINUSE: "another program listens there already",
    errno.EACCES: "ports below 1024 are the system's",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}


def check_address(settings: Settings) -> None:
    """Raise SettingsError for an address that is public without keys, in use, or none of this machine's."""
    check_public(settings)
    with _explained(settings), _bound(*_addresses(settings)[0]) as probe:
        probe.listen(1)


def bind(settings: Settings) -> list[socket.socket]:
    """Sockets at the address of settings, on which other processes will listen; several where a name has several.

    Raises SettingsError where that can't be done.
    """
    with _explained(settings):
        first, *others = _addresses(settings)
        listeners = [_bound(*first)]
        port = listeners[0].getsockname()[1]  # a free port, where the first has chosen one, is that of all
        for family, kind, protocol, _, (host, _, *rest) in others:
            try:
                listeners.append(_bound(family, kind, protocol, "", (host, port, *rest)))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:  # of IPv6, which may be switched off
                    raise
    return listeners


_Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[object, ...]]


def _addresses(settings: Settings) -> list[_Address]:
    found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys(found))


def _bound(
    family: socket.AddressFamily, kind: socket.SocketKind, protocol: int, _: str, address: tuple[object, ...]
) -> socket.socket:
    """A socket that is bound as uvicorn binds its own."""
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


@contextmanager
def _explained(settings: Settings) -> Iterator[None]:
    try:
        yield
    except socket.gaierror as error:
        raise SettingsError(f"{PREFIX}HOST: {settings.host} is no address of this machine ({error.strerror})") from None
    except OSError as error:
        cause = CAUSES.get(error.errno or 0, error.strerror)
        where = f"{settings.host}, port {settings.port}"
        raise SettingsError(f"{where}: {cause}; choose with --port or {PREFIX}PORT, --host or {PREFIX}HOST") from None
