"""A connection between two processes of this machine: messages over a Unix socket.

asyncio's own transport, since it says at once when the other process has died: the kernel closes its sockets. Messages
of one turn of the event loop travel together, as one list with its length before it.
"""

import asyncio
import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from app.processes.messages import Message

LENGTH = struct.Struct("<I")
_ENCODER = msgspec.msgpack.Encoder()


class Channel(asyncio.Protocol):
    """One end. A subclass does what `received` and `closed` say."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[Any]) -> None:
        """decoder is of a list of the messages that come."""
        self._decoder, self._loop = decoder, asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._unsent: list[Message] = []

    def send(self, message: Message) -> None:
        """Send with all others of this turn of the event loop; nothing once the connection is closed."""
        if self._transport is None:
            return
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(message)

    def close(self) -> None:
        """Close the connection, once what was sent has gone."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End the connection as the death of a process does."""
        if self._transport is not None:
            self._transport.abort()

    def received(self, message: Any) -> None:
        """A message has come."""
        raise NotImplementedError

    def closed(self) -> None:
        """The connection has ended; nothing will come."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None
        self._unsent.clear()
        self.closed()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        begin = 0
        while len(buffer) - begin >= LENGTH.size:
            (length,) = LENGTH.unpack_from(buffer, begin)
            end = begin + LENGTH.size + length
            if len(buffer) < end:
                break
            self._receive(bytes(buffer[begin + LENGTH.size : end]))
            begin = end
        del buffer[:begin]

    def _receive(self, content: bytes) -> None:
        messages: Sequence[Any] = self._decoder.decode(content)
        for message in messages:
            self.received(message)

    def _flush(self) -> None:
        messages, self._unsent = self._unsent, []
        if messages and self._transport is not None:
            content = _ENCODER.encode(messages)
            self._transport.write(LENGTH.pack(len(content)) + content)
