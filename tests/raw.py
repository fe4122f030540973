"""HTTP over raw sockets."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.conftest import Live

PATIENCE_S = 20


@contextmanager
def connected(live: Live) -> Iterator[socket.socket]:
    with connect(live.url) as connection:
        yield connection


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE_S)


def read_all(connection: socket.socket, resets: bool = False) -> bytes:
    """All bytes until the server closes the connection; fails if it does not. With resets, a reset is raised."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        if resets:
            raise
    return b"".join(parts)


def exchange(live: Live, *parts: bytes) -> bytes:
    with connected(live) as connection:
        for part in parts:
            connection.sendall(part)
        return read_all(connection)


def status_of(reply: bytes) -> int:
    return int(reply.split(b" ", 2)[1]) if reply else 0


def post(path: str, body: Any, *lines: str, host: str = "localhost", version: str = "1.1") -> bytes:
    """A request with a JSON body."""
    content = json.dumps(body).encode()
    head = [f"POST {path} HTTP/{version}", f"Host: {host}", "Content-Type: application/json", *lines]
    return "\r\n".join([*head, f"Content-Length: {len(content)}", "", ""]).encode() + content


def get(path: str, *lines: str, method: str = "GET", host: str = "localhost", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", f"Host: {host}", *lines, "", ""]).encode()


CLOSE = "Connection: close"


@dataclass(frozen=True)
class Reply:
    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        """The values of a header's fields."""
        return [value for field, value in self.fields if field == name]


def parse_replies(data: bytes) -> list[Reply]:
    """The replies that one connection got, to requests other than HEAD. Fails where bytes are left over."""
    replies = []
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        assert end, head
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        named = dict(fields)
        if named.get("transfer-encoding") == "chunked":
            body, data = _dechunk(data)
        else:
            size = int(named.get("content-length", len(data)))
            assert len(data) >= size, (first, size, data)
            body, data = data[:size], data[size:]
        replies.append(Reply(int(first.split()[1]), fields, body))
    return replies


def _dechunk(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        count = int(size, 16)
        chunk, data = data[:count], data[count + 2 :]
        body += chunk
        if not count:
            return body, data
