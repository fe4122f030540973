"""How a connection takes what arrives, whatever its segments are: the protocol alone, on a transport in memory."""

import asyncio
import json
import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from app.http import refusals
from app.http.header_size import FIRST_LINE_BYTES
from app.http.protocol import Connections, hardened
from app.http.refusals import REASONS
from app.settings import Settings
from tests.raw import Reply, get, parse_replies, post

SETTINGS = Settings(max_header_bytes=4096)
JAVA = ("Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
        "Upgrade: h2c", "User-Agent: Java-http-client/17.0.15")  # fmt: skip
UPGRADES = ("h2c", "websocket", "TLS/1.0", "IRC/6.9, RTA/x11", "xyzzy")


class Memory(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed = b"", False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: Any) -> None:
        self.written += data

    def write_eof(self) -> None:
        """Nothing more is written."""

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None:
        """What arrives is fed by the test."""

    resume_reading = pause_reading

    def get_write_buffer_size(self) -> int:
        return 0


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it was asked."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    names = sorted(name.decode() for name, _ in scope["headers"])
    content = json.dumps([scope["method"], scope["path"], len(body), hash(body), names]).encode()
    size = str(len(content)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", size)]})
    await send({"type": "http.response.body", "body": content})


def answer(
    segments: list[bytes],
    app: Any = echo,
    settings: Settings = SETTINGS,
    end: bool = False,
    shared: Connections | None = None,
) -> list[Reply]:
    """The replies to what arrives in segments, and, with end, the end of the client's side."""
    return parse_replies(asyncio.run(_written(segments, app, settings, end, shared or Connections())))


async def _written(segments: list[bytes], app: Any, settings: Settings, end: bool, shared: Connections) -> bytes:
    config = Config(app, log_config=None, ws="none", proxy_headers=False)
    make: Callable[..., Any] = hardened(settings, shared)
    protocol = make(config=config, server_state=ServerState(), app_state={}, _loop=asyncio.get_running_loop())
    transport = Memory()
    protocol.connection_made(transport)
    for segment in segments:
        protocol.data_received(segment)
        if random.random() < 0.5:
            await asyncio.sleep(0)
    if end and not protocol.eof_received():
        transport.close()
    for _ in range(200):
        await asyncio.sleep(0)
    protocol.connection_lost(None)
    return transport.written


def cut(data: bytes, draw: random.Random) -> list[bytes]:
    """Random segments."""
    edges = sorted({0, len(data), *(draw.randrange(len(data)) for _ in range(draw.choice([0, 1, 3, 30])))})
    return [data[start:end] for start, end in pairwise(edges)]


def chunked(path: str, *chunks: bytes, trailer: bytes = b"", extension: bytes = b"") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    parts = [b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks]
    return b"".join([head, *parts, b"0\r\n", trailer, b"\r\n"])


def requests(draw: random.Random) -> list[bytes]:
    """Valid ones of all kinds, of which none ends the connection."""
    large = {"text": "x" * draw.randrange(40_000)}
    wish = draw.choice(UPGRADES)
    kinds = [
        get("/livez"), get("/a?" + "b" * 500, *(f"X-{number}: {'v' * 100}" for number in range(20))),
        post("/b", large), post("/c", large, *JAVA), post("/d", {}, "Connection: upgrade", f"Upgrade: {wish}"),
        get("/e", "Connection: keep-alive, Upgrade", f"Upgrade: {wish}"), chunked("/f", b"abc", b"d" * 5000),
        chunked("/g", *(b"x" for _ in range(300)), trailer=b"X-Trailer: 1\r\n"), chunked("/h", b"a", extension=b";b=c"),
    ]  # fmt: skip
    return [draw.choice(kinds) for _ in range(draw.randint(1, 6))]


@pytest.mark.parametrize("seed", range(60))
def test_any_segments_get_the_replies_of_each_request_alone(seed: int) -> None:
    draw = random.Random(seed)
    sent = requests(draw)
    alone = [answer([request])[0] for request in sent]
    replies = answer(cut(b"".join(sent), draw))
    assert [(reply.status, reply.body) for reply in replies] == [(reply.status, reply.body) for reply in alone]
    assert {reply.status for reply in replies} == {200}


@pytest.mark.parametrize("wish", UPGRADES)
@pytest.mark.parametrize("pause", [False, True])
def test_an_upgrade_is_ignored_and_its_body_read(wish: str, pause: bool) -> None:
    """Its body is never taken for the next request, whenever it comes."""
    inner = get("/smuggled")
    head = f"POST /livez HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: {wish}\r\n"
    head += f"Content-Length: {len(inner)}\r\n\r\n"
    replies = answer([head.encode(), inner] if pause else [head.encode() + inner])
    assert [json.loads(reply.body)[:3] for reply in replies] == [["POST", "/livez", len(inner)]]


def test_connect_is_refused_with_what_follows_it() -> None:
    head = b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert [reply.status for reply in answer([head, get("/smuggled")])] == [400]


class TestHeaders:
    def test_half_of_the_next_header_in_a_segment(self) -> None:
        large, following = post("/a", {"text": "x" * 19_600}), get("/b", "X-Name: " + "v" * 1000)
        for before in (0, 1, 3):
            segments = [post("/c", {}) * before + large + following[:600], following[600:]]
            assert [reply.status for reply in answer(segments)] == [200] * (before + 2)

    @pytest.mark.parametrize("pieces", [1, 2, 50])
    def test_the_limit_is_exact(self, pieces: int) -> None:
        def header(size: int) -> bytes:
            line = "X-Name: "
            spent = len("/a" + "Host" + "localhost") + 4 + len("X-Name") + 4
            return get("/a", line + "v" * (size - spent))

        for size, status in ((SETTINGS.max_header_bytes, 200), (SETTINGS.max_header_bytes + 1, 431)):
            data = header(size)
            step = -(-len(data) // pieces)
            segments = [data[start : start + step] for start in range(0, len(data), step)]
            assert [reply.status for reply in answer(segments)] == [status]

    @pytest.mark.parametrize("line", [b"X-Name: ", b"", b"X-N"])
    def test_a_field_that_does_not_end(self, line: bytes) -> None:
        begin = b"GET /a HTTP/1.1\r\n" + line
        segments = [begin, *[b"v" * 1000] * 100]
        assert [reply.status for reply in answer(segments)] == [431]
        size = SETTINGS.max_header_bytes + FIRST_LINE_BYTES + 1
        assert [reply.status for reply in answer([begin.ljust(size, b"v")])] == [431]

    @pytest.mark.parametrize(
        "bad", [b"GET /a HTTP/1.1\r\nX: " + b"v" * 5000 + b"\r\n\r\n", b"nonsense\r\n\r\n", get("/", "Host: twice")]
    )
    def test_what_came_before_a_bad_one_is_answered_first(self, bad: bytes) -> None:
        replies = answer([get("/one") + post("/two", {"text": "x" * 900}) + bad])
        assert [reply.status for reply in replies[:2]] == [200, 200]
        assert len(replies) == 3
        assert replies[2].status in (400, 431)
        assert replies[2].all("connection") == ["close"]

    def test_trailers_are_no_headers(self) -> None:
        (reply,) = answer([chunked("/a", b"abc", trailer=b"Authorization: Bearer x\r\n")])
        assert "authorization" not in json.loads(reply.body)[4]
        large = b"".join(b"X-%d: %s\r\n" % (number, b"v" * 100) for number in range(100))
        assert answer([chunked("/a", b"abc", trailer=large)])[-1].status != 200

    def test_chunk_extensions_have_a_limit(self) -> None:
        data = chunked("/a", b"abc", b"def", extension=b";x=" + b"y" * 100_000)
        segments = [data[start : start + 5000] for start in range(0, len(data), 5000)]
        assert [reply.status for reply in answer(segments)] == [400]
        many = chunked("/a", *[b"a" * 10] * 1000, extension=b";x=" + b"y" * 200)
        segments = [many[start : start + 5000] for start in range(0, len(many), 5000)]
        assert [reply.status for reply in answer(segments)] == [400]


class TestHost:
    @pytest.mark.parametrize(
        ("lines", "status"),
        [
            ("Host: localhost", 200), ("Host: localhost:8000", 200), ("Host: LOCALHOST.", 200),
            ("Host: 127.0.0.1", 200), ("Host: 127.8.8.8:1", 200), ("Host: [::1]:8000", 200), ("Host: a.localhost", 200),
            ("host:localhost", 200),
            ("X: y", 400), ("Host: localhost\r\nHost: localhost", 400), ("Host: localhost\r\nHost: evil.example", 400),
            ("Host: local host", 400), ("Host: localhost/", 400), ("Host: user@localhost", 400),
            ("Host: localhost:x", 400),
            ("Host: evil.example", 421), ("Host: localhost.evil.example", 421), ("Host: 192.168.1.9:8000", 421),
            ("Host: evillocalhost", 421), ("Host: ", 421), ("Host: 127.0.0.1.evil.example", 421),
        ],
    )  # fmt: skip
    def test_of_a_local_service_without_keys(self, lines: str, status: int) -> None:
        request = f"GET /a HTTP/1.1\r\n{lines}\r\n\r\n".encode()
        assert [reply.status for reply in answer([request])] == [status]

    def test_an_absolute_address_counts_before_it(self) -> None:
        for address, status in (("http://evil.example/a", 421), ("http://localhost/a", 200)):
            assert [reply.status for reply in answer([get(address)])] == [status]

    @pytest.mark.parametrize(
        ("target", "status"),
        [
            ("http://localhost", 200), ("HTTP://LOCALHOST:80?a=b", 200), ("https://[::1]:8000/", 200), ("*", 200),
            ("http://user@localhost/", 400), ("http://user:word@localhost/", 400), ("http:///a", 421),
            ("http://localhost@evil.example/", 400), ("ftp://localhost/", 400), ("x:localhost", 400),
            ("http://[::2]/", 421),
        ],
    )  # fmt: skip
    def test_an_address_is_one_of_this_service(self, target: str, status: int) -> None:
        (reply,) = answer([get(target, method="OPTIONS" if target == "*" else "GET")])
        assert reply.status == status
        if status == 200:
            assert json.loads(reply.body)[1] in ("/", "*")

    def test_http_1_0_needs_none(self) -> None:
        assert [reply.status for reply in answer([b"GET /a HTTP/1.0\r\n\r\n"])] == [200]
        assert [reply.status for reply in answer([get("/a", version="1.0", host="evil.example")])] == [421]

    @pytest.mark.parametrize(
        ("settings", "host", "status"),
        [
            ({"api_keys": "key"}, "lstm.example", 200),
            ({"host": "0.0.0.0"}, "lstm.example", 200),  # noqa: S104
            ({"host": "::"}, "lstm.example", 200),
            ({"host": "box.example"}, "box.example", 200),
            ({"host": "192.168.1.9"}, "192.168.1.9:8000", 200),
            ({"host": "192.168.1.9"}, "evil.example", 421),
            ({"allowed_hosts": "a.example, *.b.example"}, "A.example:80", 200),
            ({"allowed_hosts": "a.example, *.b.example"}, "x.b.example", 200),
            ({"allowed_hosts": "a.example, *.b.example"}, "b.example", 421),
            ({"allowed_hosts": "a.example", "api_keys": "key"}, "evil.example", 421),
            ({"allowed_hosts": "a.example"}, "127.0.0.1:8000", 200),
            ({"allowed_hosts": "*"}, "anything.example", 200),
        ],
    )
    def test_by_settings(self, settings: dict[str, Any], host: str, status: int) -> None:
        assert [reply.status for reply in answer([get("/a", host=host)], settings=Settings(**settings))] == [status]


@pytest.mark.parametrize(("version", "status"), [("0.9", 400), ("1.0", 200), ("1.1", 200), ("2.0", 400), ("1.2", 400)])
def test_only_versions_of_http_1(version: str, status: int) -> None:
    assert [reply.status for reply in answer([get("/a", version=version)])] == [status]


@pytest.mark.parametrize(("version", "statuses"), [("1.0", [200]), ("1.1", [100, 200])])
def test_only_http_1_1_is_told_to_go_on(version: str, statuses: list[int]) -> None:
    request = post("/a", {"text": "x"}, "Expect: 100-continue", version=version)
    written = asyncio.run(_written([request[:-5], b"", request[-5:]], echo, SETTINGS, False, Connections()))
    assert [int(part[:3]) for part in written.split(b"HTTP/1.1 ")[1:]] == statuses


class TestCodings:
    @pytest.mark.parametrize(
        ("coding", "version", "status"),
        [("gzip, chunked", "1.1", 501), ("chunked", "1.0", 400), ("Chunked", "1.1", 200), ("gzip", "1.1", 501)],
    )
    def test_only_chunks_and_only_in_http_1_1(self, coding: str, version: str, status: int) -> None:
        head = f"POST /a HTTP/{version}\r\nHost: localhost\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n"
        assert answer([head.encode()])[0].status == status


class TestEnds:
    def test_requests_that_have_come_are_answered_after_it(self) -> None:
        whole = get("/one") + post("/two", {"text": "x" * 900})
        for rest in (b"", get("/three")[:20], post("/three", {"a": 1})[:-3]):
            replies = answer([whole + rest], end=True)
            assert [json.loads(reply.body)[1] for reply in replies] == ["/one", "/two"]
            assert [reply.all("connection") for reply in replies] == [[], ["close"]]

    def test_half_a_request_gets_none(self) -> None:
        for request in (b"", get("/one")[:-1], post("/one", {"a": 1})[:-1]):
            assert answer([request], end=True) == []


REFUSED = {
    "malformed": [b"this is not HTTP\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"],
    "header_too_large": [b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 200_000],
    "unknown_coding": [b"POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: gzip, chunked\r\n\r\n"],
    "misdirected": [b"GET / HTTP/1.1\r\nhost: elsewhere.example\r\n\r\n"],
}


@pytest.mark.parametrize("reason", REFUSED)
def test_each_refusal_is_counted_once_by_its_reason(reason: str) -> None:
    for request in REFUSED[reason]:
        reasons: list[str] = []
        (reply,) = answer([request], settings=Settings(), shared=Connections(reasons.append))
        assert reasons == [reason]
        assert reasons == [REASONS[reply.status]]


def test_each_refusal_has_a_reason() -> None:
    known = [value for value in vars(refusals).values() if isinstance(value, tuple) and isinstance(value[0], int)]
    assert {status for status, _, _ in known} == set(REASONS)
