"""A server process that gets SIGTERM: what has come is answered, nothing is reset, nothing delays its end."""

import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from tests.api.test_signals import serving
from tests.raw import CLOSE, PATIENCE_S, Reply, connect, get, parse_replies, post, read_all

NEXT = {"text": "the man", "model": "language-en"}
LONG = {"prompt": "the man", "model": "language-en", "max_new_tokens": 1000, "seed": 1, "stream": True}
STOPPED = (0, -signal.SIGTERM)


@pytest.fixture
def server(checkpoints: Path) -> Iterator[SimpleNamespace]:
    with serving(checkpoints) as server:
        yield server


def ask(connection: socket.socket, request: bytes) -> Reply | None:
    """The reply to a request whose reply has a length; None where the server ended the connection before it."""
    connection.sendall(request)
    data = b""
    while True:
        part = connection.recv(65536)
        if not part:
            assert not data
            return None
        data += part
        head, end, body = data.partition(b"\r\n\r\n")
        if end and len(body) >= int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]):
            return parse_replies(data)[0]


def connections(url: str) -> Iterator[socket.socket]:
    """One after another, until the server accepts no more."""
    while True:
        try:
            connection = connect(url)
        except (ConnectionRefusedError, TimeoutError):
            return
        with connection:
            yield connection


def loop_reusing(url: str, outcomes: Counter[str]) -> None:
    """Requests on connections that are used as long as the server allows."""
    for connection in connections(url):
        while True:
            try:
                reply = ask(connection, post("/next-word-probs", NEXT))
            except OSError as error:
                outcomes[type(error).__name__] += 1
                return
            outcomes[str(reply.status) if reply else "ended"] += 1
            if reply is None or reply.all("connection") == ["close"]:
                break


def loop_reconnecting(url: str, outcomes: Counter[str]) -> None:
    """Each request on a connection of its own."""
    for connection in connections(url):
        try:
            connection.sendall(post("/next-word-probs", NEXT, CLOSE))
            data = read_all(connection, resets=True)
        except OSError as error:
            outcomes[type(error).__name__] += 1
            return
        outcomes[str(parse_replies(data)[0].status) if data else "ended"] += 1


@pytest.mark.slow
@pytest.mark.parametrize("loop", [loop_reusing, loop_reconnecting])
def test_sigterm_resets_no_client(server: SimpleNamespace, loop: Callable[[str, Counter[str]], None]) -> None:
    """32 closed loops: each request that was sent has a whole answer."""
    outcomes: Counter[str] = Counter()
    threads = [threading.Thread(target=loop, args=(server.address, outcomes)) for _ in range(32)]
    for thread in threads:
        thread.start()
    while outcomes.total() < 100:
        time.sleep(0.01)
    server.process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join(PATIENCE_S)
    assert server.process.wait(PATIENCE_S) in STOPPED
    assert set(outcomes) <= {"200", "503"}, outcomes
    assert outcomes["200"] >= 100


def test_what_waits_in_the_backlog_is_answered(server: SimpleNamespace) -> None:
    """Connections that the server has not accepted, since it was stopped, when the signal comes."""
    server.process.send_signal(signal.SIGSTOP)
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(server.address)) for _ in range(20)]
        for connection in connections:
            connection.sendall(post("/next-word-probs", NEXT))
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGCONT)
        replies = [parse_replies(read_all(connection, resets=True)) for connection in connections]
    assert [[reply.status for reply in each] for each in replies] == [[200]] * 20
    assert server.process.wait(PATIENCE_S) in STOPPED


@pytest.mark.parametrize("sent", [post("/next-word-probs", NEXT)[:-5], get("/livez")[:-5], b""])
def test_half_a_request_does_not_hold_it_up(checkpoints: Path, sent: bytes) -> None:
    long = {
        "CAROUSEL_HEADER_TIMEOUT_S": "1000",
        "CAROUSEL_BODY_TIMEOUT_S": "1000",
        "CAROUSEL_SHUTDOWN_TIMEOUT_S": "1000",
    }
    with serving(checkpoints, **long) as server, connect(server.address) as connection:
        connection.sendall(sent)
        assert httpx.get(f"{server.address}/livez").status_code == 200  # the server has read it
        server.process.send_signal(signal.SIGTERM)
        data = read_all(connection, resets=True)
        assert [reply.status for reply in parse_replies(data)] == ([408] if sent else [])
        assert server.process.wait(PATIENCE_S) in STOPPED


def test_a_request_that_is_completed_after_the_signal_is_answered(server: SimpleNamespace) -> None:
    request = post("/next-word-probs", NEXT)
    with connect(server.address) as connection:
        connection.sendall(request[:-5])
        assert httpx.get(f"{server.address}/livez").status_code == 200
        server.process.send_signal(signal.SIGTERM)
        connection.sendall(request[-5:])
        (reply,) = parse_replies(read_all(connection, resets=True))
    assert reply.status == 200


def test_readiness_fails_first(checkpoints: Path) -> None:
    with serving(checkpoints, CAROUSEL_DRAIN_DELAY_S="1000") as server:
        ready = f"{server.address}/readyz"
        assert httpx.get(ready).status_code == 200
        server.process.send_signal(signal.SIGTERM)
        give_up = time.monotonic() + PATIENCE_S
        while httpx.get(ready).status_code == 200:
            assert time.monotonic() < give_up
        assert "shutting down" in httpx.get(ready).json()["detail"]
        assert httpx.get(f"{server.address}/livez").status_code == 200
        assert httpx.post(f"{server.address}/next-word-probs", json=NEXT).status_code == 200
        server.process.send_signal(signal.SIGINT)  # ends the delay
        assert server.process.wait(PATIENCE_S) is not None


@pytest.mark.parametrize("stream", [True, False])
def test_sigint_twice_ends_what_runs_whole(checkpoints: Path, stream: bool) -> None:
    limits = {f"CAROUSEL_MAX_{name}_TOKENS": "1000000" for name in ("NEW", "REQUEST")}
    with serving(checkpoints, CAROUSEL_SHUTDOWN_TIMEOUT_S="1000", **limits) as server:
        body = LONG | {"stream": stream, "max_new_tokens": 1_000_000, "min_new_tokens": 1_000_000, "return_state": True}
        with connect(server.address) as connection:
            connection.sendall(post("/generate", body))
            begin = connection.recv(100) if stream else b""
            assert httpx.get(f"{server.address}/livez").status_code == 200
            server.process.send_signal(signal.SIGINT)
            time.sleep(0.5)
            server.process.send_signal(signal.SIGINT)
            (reply,) = parse_replies(begin + read_all(connection, resets=True))
        server.process.wait(PATIENCE_S)
    if stream:
        assert b"event: done" in reply.body
        assert b'"finish_reason":"interrupted"' in reply.body
    else:
        assert reply.status in (200, 503)
    log = "".join(server.lines)
    for word in ("Internal Server Error", "Exception in ASGI", "Traceback", "Cancelled"):
        assert word not in log, log
