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

from app.http.schemas.describe import EXAMPLE
from benchmarks import extras
from benchmarks.process import Launch, free_port, running

BODIES: dict[str, dict[str, Any]] = {
    "/next-word-probs": {"text": "once upon a time there was"},
    "/generate": {"prompt": "once upon a time", "max_new_tokens": 24, "seed": 1},
    "/classify": {"text": ["a wonderful film", "a dull and long film"], "model": "sentiment-en"},
    "/translate": {"text": "I would like to buy a ticket.", "target": "tr"},
    "/summarize": {"text": "We present a tool that shows the attention of a recurrent translator, word by word."},
    "/draw": {"prompt": "seven", "seed": 1},
    "/describe": {"image": EXAMPLE},
}
RECORDING = "/transcribe"
"""The route whose body is a file; its options are in the query."""
PATHS = (*BODIES, RECORDING)
ABANDONED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/draw", {"prompt": "seven", "n": 16, "stream": True}),
    ("/summarize", {"text": [BODIES["/summarize"]["text"] * 10] * 16, "beam_size": 16}),
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
        return int(self.process.num_fds())

    @property
    def megabytes(self) -> float:
        return float(self.process.memory_info().rss / 1e6)

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
    options: dict[str, Any] = {"json": body or BODIES.get(path)}
    if path == RECORDING:
        options = {"params": body, "content": recording(), "headers": {"content-type": "audio/wav"}}
    options["headers"] = {**options.get("headers", {}), **bearer(key)}
    async with httpx.AsyncClient(timeout=120) as client:
        return (await client.post(f"{server.url}{path}", **options)).status_code


@cache
def recording() -> bytes:
    """Two seconds of noise, as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8_000)
        out.writeframes(random.Random(1).randbytes(2 * 2 * 8_000))
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
