"""The HTTP shell's overhead, and its behaviour under load: `python benchmarks/scripts/http_shell.py all`.

cost     requests/s of /next-word-probs with a key, limits, metrics, logs and deadlines, over those of the same
         application without them on uvicorn's own protocol; alternating rounds, median of the ratios
hang-up  500 clients that disconnect in mid-stream: time until slots, files and tasks are as before
crowd    p99 of ordinary requests beside 500 connections that are idle or send a byte a second, over p99 without

Each server is a process of its own. Run nothing else at the same time.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import uvicorn

from app.engine.engine import SWITCH_S
from app.http import server
from app.http.middleware import LeaseMiddleware
from app.http.protocol import Connections
from app.main import create_app
from app.settings import Settings
from app.telemetry.logs import configure_logging
from benchmarks.client import Connection, clock

TEXT = "once upon a time there was a little girl who loved to play in the garden with her red ball"
WORDS = TEXT.split()
KEY = "benchmark"
BEARER = f"Bearer {KEY}"
CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
Checkpoints = Annotated[Path, typer.Option(help="Folder with the model language-en.")]
app = typer.Typer(add_completion=False)


async def post(connection: Connection, number: int) -> float:
    """Request the next word of some text; return the latency in seconds."""
    text = " ".join(WORDS[(number + offset) % len(WORDS)] for offset in range(3 + number % 9))
    body = json.dumps({"text": text, "model": "language-en"}).encode()
    record = await connection.post("/next-word-probs", body)
    if record.error:
        raise RuntimeError(record.error)
    return record.end - record.start


@app.command()
def serve(bare: bool = False, checkpoints: Checkpoints = CHECKPOINTS) -> None:
    """Serve with the whole shell, or bare, and print the port."""
    limits: dict[str, Any] = (
        {} if bare else {"api_keys": KEY, "rate_limit": "1000000000/minute", "max_requests_at_once": 100_000}
    )
    settings = Settings(port=0, checkpoints=checkpoints, max_batch_rows=512, **limits)
    application = create_app(settings)
    if bare:
        leases = [entry for entry in application.user_middleware if entry.cls == LeaseMiddleware]  # type: ignore[comparison-overlap]
        application.user_middleware = leases
        config = uvicorn.Config(application, port=0, http="httptools", log_config=None, access_log=False)
        sys.setswitchinterval(SWITCH_S)
        server.Server(config, settings, application, Connections(), announce).run()
    else:
        configure_logging()
        server.run(application, settings, announce)


def announce(url: str) -> None:
    typer.echo(url.rstrip("/").rsplit(":", 1)[1])
    sys.stdout.flush()


@contextmanager
def serving(checkpoints: Path, bare: bool = False) -> Iterator[int]:
    """A server's port."""
    command = [sys.executable, __file__, "serve", "--bare" if bare else "--no-bare", "--checkpoints", str(checkpoints)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


async def load(port: int, clients: int, seconds: float) -> list[float]:
    """The latencies of a closed loop, after a warm-up of a fifth of the time."""
    numbers, latencies = count(), list[float]()
    begin, end = clock() + seconds / 5, clock() + seconds * 1.2

    async def client() -> None:
        connection = Connection(port, f"authorization: {BEARER}\r\n")
        while clock() < end:
            latency = await post(connection, next(numbers))
            if clock() > begin:
                latencies.append(latency)
        connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return latencies


def p99(latencies: list[float]) -> float:
    return statistics.quantiles(latencies, n=100)[98]


@app.command()
def cost(rounds: int = 7, clients: int = 8, seconds: float = 5.0, checkpoints: Checkpoints = CHECKPOINTS) -> None:
    """Requests/s with the shell over requests/s without it."""
    ratios = []
    with serving(checkpoints, bare=True) as bare, serving(checkpoints) as whole:
        for number in range(rounds):
            order = (bare, whole) if number % 2 else (whole, bare)
            rate = {port: len(asyncio.run(load(port, clients, seconds))) / seconds for port in order}
            ratios.append(rate[whole] / rate[bare])
            typer.echo(f"bare {rate[bare]:.0f}/s, whole {rate[whole]:.0f}/s, ratio {ratios[-1]:.3f}")
    typer.echo(f"median ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}); goal: 0.85")


@app.command(name="hang-up")
def hang_up(clients: int = 500, checkpoints: Checkpoints = CHECKPOINTS) -> None:
    """Seconds until a server has released everything, after all clients have disconnected in mid-stream."""
    with serving(checkpoints) as port:
        asyncio.run(_hang_up(port, 1))  # the first stream starts a watcher task that stays
        time.sleep(1)
        before = gauges(port)
        asyncio.run(_hang_up(port, clients))
        begin = time.monotonic()
        slots_s = None
        while True:
            now, passed_s = gauges(port), time.monotonic() - begin
            if slots_s is None and now["carousel_running_requests"] == 0:
                slots_s = passed_s
            if slots_s is not None and all(
                now[name] <= before[name] for name in ("process_open_fds", "carousel_tasks")
            ):
                break
            if passed_s > 30:
                raise RuntimeError(f"before: {before}; now: {now}")
        typer.echo(f"slots free after {slots_s:.2f} s, files and tasks as before after {passed_s:.2f} s; goal: 1 s")


async def _hang_up(port: int, clients: int) -> None:
    body = json.dumps({"prompt": "once upon a time", "max_new_tokens": 1024, "min_new_tokens": 1024, "stream": True})
    lines = ["POST /generate HTTP/1.1", "host: a", f"authorization: {BEARER}", "content-type: application/json"]
    head = "\r\n".join([*lines, f"content-length: {len(body)}", "", ""])

    async def begin() -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((head + body).encode())
        await reader.readuntil(b"event: token")
        return writer

    writers = await asyncio.gather(*(begin() for _ in range(clients)))
    running = gauges(port)["carousel_running_requests"]
    typer.echo(f"{len(writers)} streams have begun, {running:.0f} of them are running")
    for writer in writers:
        writer.transport.abort()


@app.command()
def crowd(
    connections: int = 500, seconds: float = 20.0, clients: int = 4, checkpoints: Checkpoints = CHECKPOINTS
) -> None:
    """p99 of ordinary requests beside slow and idle connections, over p99 without them."""
    with serving(checkpoints) as port:
        alone = asyncio.run(load(port, clients, seconds))
        among = asyncio.run(_crowd(port, connections, seconds, clients))
    typer.echo(f"alone: p50 {1e3 * statistics.median(alone):.1f} ms, p99 {1e3 * p99(alone):.1f} ms")
    typer.echo(f"among {connections}: p50 {1e3 * statistics.median(among):.1f} ms, p99 {1e3 * p99(among):.1f} ms")
    typer.echo(f"ratio of p99 {p99(among) / p99(alone):.2f}; goal: 2")


async def _crowd(port: int, connections: int, seconds: float, clients: int) -> list[float]:
    async def slow(number: int) -> None:
        """One of three sends nothing, one headers, one a body, byte by byte; a closed connection is opened again."""
        first = b"POST /classify HTTP/1.1\r\n"
        begin = (b"", first + b"x: ", first + b"host: a\r\ncontent-length: 9999\r\n\r\n")[number % 3]
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(begin)
                while not writer.is_closing():
                    await asyncio.sleep(1)
                    if begin:
                        writer.write(b"a")
                    await writer.drain()
            await asyncio.sleep(0.1)

    others = [asyncio.create_task(slow(number)) for number in range(connections)]
    await asyncio.sleep(1)
    latencies = await load(port, clients, seconds)
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    return latencies


def gauges(port: int) -> dict[str, float]:
    """The server's Prometheus metrics that have no labels."""
    reply = httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"authorization": BEARER}, timeout=60)
    lines = [line for line in reply.raise_for_status().text.splitlines() if "#" not in line and "{" not in line]
    return {name: float(value) for name, value in (line.split() for line in lines)}


@app.command(name="all")
def all_() -> None:
    """All three."""
    typer.echo(f"{os.cpu_count()} cores")
    cost()
    hang_up()
    crowd()


if __name__ == "__main__":
    app()
