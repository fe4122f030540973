"""What the shell of the HTTP service costs, and what it bears: `python benchmarks/scripts/http_shell.py`.

cost     requests/s of /next-word-probs with a key, limits, metrics, logs and deadlines, beside the same
         application with none of them on uvicorn's own protocol; rounds in turn, the median of their ratios
hang-up  500 clients that hang up in mid-stream: how long until seats, files and tasks are as before
crowd    500 connections that are idle or send a byte now and then, for 20 s: p99 of ordinary requests, beside without

Servers are processes of their own. Run nothing else meanwhile.
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
from typing import Any

import httpx
import typer
import uvicorn

from app.http import server
from app.http.middleware import LeaseMiddleware
from app.main import create_app
from app.settings import Settings
from app.telemetry.logs import configure_logging
from benchmarks.client import Connection, clock

TEXT = "once upon a time there was a little girl who loved to play in the garden with her red ball"
WORDS = TEXT.split()
KEY = "benchmark"
BEARER = f"Bearer {KEY}"
CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
app = typer.Typer(add_completion=False)


async def ask(connection: Connection, number: int) -> float:
    """Ask for the next word of some text; return the seconds that it took."""
    text = " ".join(WORDS[(number + place) % len(WORDS)] for place in range(3 + number % 9))
    body = json.dumps({"text": text, "model": "language-en"}).encode()
    record = await connection.ask("/next-word-probs", body)
    if record.error:
        raise RuntimeError(record.error)
    return record.end - record.start


@app.command()
def serve(bare: bool = False) -> None:
    """Serve as installed, with all of the shell; or bare. Writes the port to standard output."""
    limits: dict[str, Any] = (
        {} if bare else {"api_keys": KEY, "rate_limit": "1000000000/minute", "max_requests_at_once": 100_000}
    )
    settings = Settings(port=0, checkpoints=CHECKPOINTS, max_batch_rows=512, **limits)
    application = create_app(settings)
    if bare:
        kept = [one for one in application.user_middleware if one.cls == LeaseMiddleware]  # type: ignore[comparison-overlap]
        application.user_middleware = kept
        config = uvicorn.Config(application, port=0, http="httptools", log_config=None, access_log=False)
        sys.setswitchinterval(server.SWITCH_S)
        server.Server(config, announce, lambda: None).run()
    else:
        configure_logging()
        server.run(application, settings, announce)


def announce(url: str) -> None:
    typer.echo(url.rstrip("/").rsplit(":", 1)[1])
    sys.stdout.flush()


@contextmanager
def serving(bare: bool = False) -> Iterator[int]:
    """A server's port."""
    command = [sys.executable, __file__, "serve", "--bare" if bare else "--no-bare"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


async def load(port: int, clients: int, seconds: float) -> list[float]:
    """The latencies of a closed loop, after a warm-up of a fifth of the time."""
    numbers, found = count(), list[float]()
    begin, end = clock() + seconds / 5, clock() + seconds * 1.2

    async def one() -> None:
        connection = Connection(port, f"authorization: {BEARER}\r\n")
        while clock() < end:
            taken = await ask(connection, next(numbers))
            if clock() > begin:
                found.append(taken)
        connection.close()

    await asyncio.gather(*(one() for _ in range(clients)))
    return found


def p99(latencies: list[float]) -> float:
    return statistics.quantiles(latencies, n=100)[98]


@app.command()
def cost(rounds: int = 7, clients: int = 8, seconds: float = 5.0) -> None:
    """Requests/s with the shell, over requests/s without."""
    ratios = []
    with serving(bare=True) as bare, serving() as whole:
        for number in range(rounds):
            order = (bare, whole) if number % 2 else (whole, bare)
            rate = {port: len(asyncio.run(load(port, clients, seconds))) / seconds for port in order}
            ratios.append(rate[whole] / rate[bare])
            typer.echo(f"bare {rate[bare]:.0f}/s, whole {rate[whole]:.0f}/s, ratio {ratios[-1]:.3f}")
    typer.echo(f"median ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}); goal: 0.85")


@app.command(name="hang-up")
def hang_up(clients: int = 500) -> None:
    """Seconds until a server is as before, after all clients have hung up in mid-stream."""
    with serving() as port:
        asyncio.run(_hang_up(port, 1))  # the first stream brings a watcher that stays
        time.sleep(1)
        before = numbers(port)
        asyncio.run(_hang_up(port, clients))
        begun = time.monotonic()
        seats = None
        while True:
            now, passed = numbers(port), time.monotonic() - begun
            if seats is None and now["carousel_running_requests"] == 0:
                seats = passed
            if seats is not None and all(now[name] <= before[name] for name in ("process_open_fds", "carousel_tasks")):
                break
            if passed > 30:
                raise RuntimeError(f"before: {before}; now: {now}")
        typer.echo(f"seats free after {seats:.2f} s, files and tasks as before after {passed:.2f} s; goal: 1 s")


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
    running = numbers(port)["carousel_running_requests"]
    typer.echo(f"{len(writers)} streams have begun, {running:.0f} of them run")
    for writer in writers:
        writer.transport.abort()


@app.command()
def crowd(connections: int = 500, seconds: float = 20.0, clients: int = 4) -> None:
    """p99 of ordinary requests beside slow and idle connections, over p99 without."""
    with serving() as port:
        alone = asyncio.run(load(port, clients, seconds))
        among = asyncio.run(_crowd(port, connections, seconds, clients))
    typer.echo(f"alone: p50 {1e3 * statistics.median(alone):.1f} ms, p99 {1e3 * p99(alone):.1f} ms")
    typer.echo(f"among {connections}: p50 {1e3 * statistics.median(among):.1f} ms, p99 {1e3 * p99(among):.1f} ms")
    typer.echo(f"ratio of p99 {p99(among) / p99(alone):.2f}; goal: 2")


async def _crowd(port: int, connections: int, seconds: float, clients: int) -> list[float]:
    async def slow(number: int) -> None:
        """A third says nothing, a third sends a header byte by byte, a third a body; who is thrown out comes again."""
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
    found = await load(port, clients, seconds)
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    return found


def numbers(port: int) -> dict[str, float]:
    """What the server tells Prometheus, of what has no labels."""
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
