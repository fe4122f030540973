"""Processor time of the HTTP application alone, with an engine that answers at once: the short way against FastAPI's.

usage: python -m benchmarks.scripts.http_application [CHECKPOINTS]
"""

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from app.catalog.registry import Served
from app.engine.engine import Engine
from app.engine.jobs import Job, Prediction
from app.engine.ticket import Caller, Finished, Ticket
from app.main import create_app
from app.settings import Settings

WAYS = {"short way": b"application/json", "FastAPI's": b"application/json ; charset=utf-8"}
BODY = json.dumps({"text": "once upon a time there was a little girl", "model": "language-en"}).encode()
ANSWER = Prediction(tuple((word, 0.1) for word in ["the", "a", "of", "to", "in", "is", "was", "and"]), 0.2, None)
ROUNDS, REQUESTS = 15, 300


async def _submit(_: Engine, job: Job, __: Served, caller: Caller | None = None) -> Ticket:
    ticket = Ticket(job, caller or Caller(), 60.0, time.monotonic())
    ticket.deliver(Finished(ANSWER))
    return ticket


async def _request(app: Any, media_type: bytes) -> None:
    unread, status = [BODY], 0

    async def receive() -> dict[str, Any]:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await asyncio.Event().wait()  # type: ignore[return-value]  # never: the client stays

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    path = "/next-word-probs"
    headers = [(b"content-type", media_type), (b"content-length", str(len(BODY)).encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip
    await app(scope, receive, send)
    assert status == 200, status


async def main(checkpoints: Path) -> None:
    app = create_app(Settings(checkpoints=checkpoints, models=("language-en",)))
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    async with app.router.lifespan_context(app):
        for _ in range(ROUNDS):
            for name, media_type in WAYS.items():
                started = time.process_time()
                for _ in range(REQUESTS):
                    await _request(app, media_type)
                seconds[name].append((time.process_time() - started) / REQUESTS)
    for name, values in seconds.items():
        print(f"{name}: {statistics.median(values) * 1e6:.0f} µs a request")
    ratios = [short / whole for short, whole in zip(*seconds.values(), strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"ratio of the rounds: {middle:.2f} (quartiles {low:.2f} and {high:.2f})")


if __name__ == "__main__":
    Engine.submit = _submit  # type: ignore[method-assign,assignment]
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else "checkpoints")))
