"""A running service: what is asked of it, and what is seen of it from outside."""

import asyncio
import io
import json
import random
import socket
import tempfile
import time
import wave
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from benchmarks import extras
from benchmarks.process import Launch, free_port, running
from benchmarks.siege.kinds import BODIES, RECORDING

ABANDONED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/draw", {"prompt": "seven", "n": 16, "stream": True}),
    ("/summarize", {"text": [BODIES["/summarize"]["text"] * 10] * 16, "beam_size": 16}),
    ("/speak", {"text": "three " * 80, "speed": 0.25}),
)
"""Requests beside STREAM whose clients leave before the end."""
STREAM = {"prompt": "once upon a time", "max_new_tokens": 1000, "min_new_tokens": 1000, "stream": True}


@dataclass
class Row:
    """A figure, and whether it keeps its law."""

    scenario: str
    figure: str
    kept: bool = True


@dataclass
class Server:
    """A running service: its port, process and log."""

    port: int
    process: Any
    """As psutil has it."""
    log: Path
    key: str = ""
    """With which its metrics are read."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def descriptors(self) -> int:
        """Of all its processes, as megabytes."""
        return sum(int(process.num_fds()) for process in self._processes())

    @property
    def megabytes(self) -> float:
        return sum(float(process.memory_info().rss / 1e6) for process in self._processes())

    def _processes(self) -> list[Any]:
        return [self.process, *self.process.children(recursive=True)]

    async def gauge(self, name: str) -> float:
        async with httpx.AsyncClient() as client:
            page = (await client.get(f"{self.url}/metrics", headers=bearer(self.key))).text
        return float(next(line.split()[1] for line in page.splitlines() if line.startswith(f"carousel_{name} ")))

    async def is_idle(self, seconds: float = 10.0) -> float:
        """Wait until no request has a slot or waits for one; how long that took, or infinity."""
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            if not await self.gauge("running_requests") + await self.gauge("queued_requests"):
                return time.monotonic() - start
            await asyncio.sleep(0.05)
        return float("inf")


@asynccontextmanager
async def served(checkpoints: Path, **settings: str) -> AsyncIterator[Server]:
    """A service with settings, by the names of their variables without the prefix."""
    port = free_port()
    environment = {f"CAROUSEL_{name.upper()}": value for name, value in settings.items()}
    environment |= {"CAROUSEL_PORT": str(port), "CAROUSEL_CHECKPOINTS": str(checkpoints)}
    with tempfile.TemporaryDirectory() as scratch:
        launch = Launch(("-m", "app", "serve"), environment=environment)
        with running(launch, port, Path(scratch)):
            newest = extras.load("psutil").Process().children()[-1]
            yield Server(port, newest, Path(scratch) / "server.log", settings.get("api_keys", "").partition(",")[0])


async def post(server: Server, path: str, body: dict[str, Any] | None = None, key: str = "") -> int:
    """The status of a request."""
    async with httpx.AsyncClient(timeout=120, base_url=server.url) as client:
        return (await client.post(path, **request(path, body, key))).status_code


def request(path: str, body: dict[str, Any] | None = None, key: str = "") -> dict[str, Any]:
    """What httpx is to send: a body, or the small one of the path; of RECORDING, it is the query beside a recording.

    seconds, of its body, are the recording's length.
    """
    if path != RECORDING:
        return {"json": body or BODIES.get(path), "headers": bearer(key)}
    query = dict(body or {})
    content = recording(query.pop("seconds", 2))
    return {"params": query, "content": content, "headers": {"content-type": "audio/wav", **bearer(key)}}


@cache
def recording(seconds: int) -> bytes:
    """Noise, as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8_000)
        out.writeframes(random.Random(1).randbytes(seconds * 2 * 8_000))
    return file.getvalue()


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}


async def raw(server: Server, body: dict[str, Any], path: str = "/generate") -> socket.socket:
    """A connection with a request sent on it, and nothing read."""
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\ncontent-type: application/json\r\n"
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(f"{head}content-length: {len(content)}\r\n\r\n".encode() + content)
    return connection


async def livez(server: Server, until: asyncio.Event, seconds: list[float]) -> None:
    """Measure `/livez` until the event; a refusal counts as infinity."""
    async with httpx.AsyncClient(timeout=30) as client:
        while not until.is_set():
            start = time.monotonic()
            with suppress(httpx.HTTPError):
                reply = await client.get(f"{server.url}/livez")
                seconds.append(time.monotonic() - start if reply.status_code == 200 else float("inf"))
            await asyncio.sleep(0.02)


async def beside(server: Server, work: Awaitable[Any]) -> tuple[Any, list[float]]:
    """The result of some work, and the latencies of `/livez` during it, sorted."""
    until, seconds = asyncio.Event(), list[float]()
    probe = asyncio.create_task(livez(server, until, seconds))
    result = await work
    until.set()
    await probe
    return result, sorted(seconds)


def percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("inf")
