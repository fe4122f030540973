"""Whether the service can listen where its settings say."""

import errno
import socket

from app.settings import PREFIX, Settings, SettingsError, check_public

CAUSES = {
    errno.EADDRINUSE: "another program listens there already",
    errno.EACCES: "ports below 1024 are the system's",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}


def check_address(settings: Settings) -> None:
    """Raise SettingsError for an address that is public without keys, in use, or none of this machine's."""
    check_public(settings)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server itself does
            probe.bind(address)
            probe.listen(1)
    except socket.gaierror as error:
        raise SettingsError(f"{PREFIX}HOST: {settings.host} is no address of this machine ({error.strerror})") from None
    except OSError as error:
        cause = CAUSES.get(error.errno or 0, error.strerror)
        where = f"{settings.host}, port {settings.port}"
        raise SettingsError(f"{where}: {cause}; choose with --port or {PREFIX}PORT, --host or {PREFIX}HOST") from None
