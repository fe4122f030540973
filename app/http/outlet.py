"""The way out of a connection: closing it without losing the reply, and finding out whether the client is there."""

import asyncio
from collections.abc import Callable
from typing import Any

BEGINNING = b"HTTP/1.1 "
"""What every response begins with."""
LINGER_S = 1.0
"""How long to read on after the last reply."""
FIRST_PROBE_S = 0.05


class Outlet:
    """An asyncio transport that closes in two steps, and can probe a client that has ended its side.

    Closing a socket with unread bytes resets the connection, and the client may lose the reply. `close` therefore
    first ends our side alone, where bytes may still come (`may_receive`), and closes when the client does or after
    LINGER_S (RFC 9112, 9.6). Its protocol must pass over what it receives until then.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._probed = 0  # bytes of BEGINNING that are sent already
        self._probe: asyncio.TimerHandle | None = None
        self.lingering = False
        self.may_receive = True
        self.write: Callable[[bytes], None] = transport.write  # an attribute, so that writing costs no call more

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self.lingering or self._transport.is_closing()

    def close(self) -> None:
        self.stop_probing()
        if self.is_closing():
            return
        if not self.may_receive:
            self._transport.close()
            return
        self.lingering = True
        self._transport.write_eof()
        self._transport.resume_reading()
        self._loop.call_later(LINGER_S, self.end)

    def end(self) -> None:
        """Close at once, once all is written."""
        self._transport.close()

    def abort(self) -> None:
        self.stop_probing()
        self._transport.abort()

    def probe(self) -> None:
        """Find out whether the client, whose side has ended, still reads.

        A client that only ended its side gets its reply; writing to one that is gone resets the connection. So the
        first bytes of the reply are sent one by one before the rest.
        """
        if self._probe is None and not self.is_closing():
            self.write = self._write_rest
            self._send_probe()

    def _send_probe(self) -> None:
        self._transport.write(BEGINNING[self._probed : self._probed + 1])
        self._probed += 1
        if self._probed < len(BEGINNING):
            self._probe = self._loop.call_later(FIRST_PROBE_S * 2 ** (self._probed - 1), self._send_probe)

    def _write_rest(self, data: bytes) -> None:
        """Write the beginning of a response, less what was sent."""
        self.stop_probing()
        self.write = self._transport.write
        self._transport.write(data[self._probed :])

    def stop_probing(self) -> None:
        if self._probe is not None:
            self._probe.cancel()
            self._probe = None
