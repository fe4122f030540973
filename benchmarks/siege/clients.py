"""Several clients: fair shares, keys that come and go, and what nobody may read."""

import asyncio
import json
import multiprocessing
import os
import signal
import ssl
import statistics
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from benchmarks.client import Connection
from benchmarks.siege.service import BODIES, Row, bearer, percentile, post, served

FLOODING_CLIENTS = 300
LARGE = {"prompt": "once upon a time", "max_new_tokens": 200, "min_new_tokens": 200, "n": 4}
FLOODS: tuple[tuple[str, dict[str, Any], int, str], ...] = (
    ("/generate", LARGE, 2000, "/next-word-probs"),
    ("/draw", {"prompt": "seven", "n": 16}, 500, "/draw"),
    ("/summarize", {"text": [BODIES["/summarize"]["text"] * 10] * 8}, 500, "/summarize"),
    ("/describe", BODIES["/describe"], 2000, "/describe"),
)
"""The route, body and number of key one's requests, and the route of key two's small ones, for the same model."""


async def fairness(checkpoints: Path) -> list[Row]:
    rows = []
    for flood in FLOODS:
        rows += await _fairness(checkpoints, *flood)
    return rows


async def _fairness(checkpoints: Path, path: str, large: dict[str, Any], count: int, small: str) -> list[Row]:
    # the flood has a process of its own, so that the latencies of key two are not those of this event loop
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as flooding:
        async with served(checkpoints, api_keys="one,two", max_queued_jobs="256", request_timeout_s="20") as server:
            alone = await _small_requests(server.port, small, 30)
            load = asyncio.wrap_future(flooding.submit(_flood, server.port, path, large, count))
            flooded = list[float]()
            while not load.done():
                flooded += await _small_requests(server.port, small, 10)
            flooded.sort()
            statuses, waits = await load
            free = await server.is_idle(60)
            again = await _small_requests(server.port, small, 30)
    total = sum(statuses.values())
    return [
        Row(f"{count:,} requests of key one to {path}, by status", str(dict(sorted(statuses.items())))),
        Row("all answered with 200, 429 or 504", str(total), total == count and set(statuses) <= {200, 429, 504}),
        Row("Retry-After, median", f"{statistics.median(waits) if waits else 0:.0f} s"),
        Row("key two alone: p50, max", f"{percentile(alone, 0.5) * 1000:.0f}, {alone[-1] * 1000:.0f} ms"),
        Row(
            "key two in the flood: p50, max",
            f"{percentile(flooded, 0.5) * 1000:.0f}, {flooded[-1] * 1000:.0f} ms of {len(flooded)}",
            flooded[-1] < 5,
        ),
        Row("until all slots are free", f"{free:.2f} s", free < 30),
        Row("key two afterwards: p50", f"{percentile(again, 0.5) * 1000:.0f} ms", again[-1] < 1),
    ]


async def _small_requests(port: int, path: str, count: int) -> list[float]:
    """Latencies of key two's requests, one after another, sorted; a refusal counts as infinity."""
    body, connection = (
        json.dumps(BODIES[path]).encode(),
        Connection(port, "authorization: Bearer two\r\n"),
    )
    seconds = []
    for _ in range(count):
        record = await connection.post(path, body)
        seconds.append(float("inf") if record.error else record.end - record.start)
    return sorted(seconds)


def _flood(port: int, path: str, large: dict[str, Any], count: int) -> tuple[Counter[int], list[float]]:
    """Key one's large requests: how many had each status, and the Retry-After of the refusals."""
    return asyncio.run(_flood_requests(port, path, large, count))


async def _flood_requests(port: int, path: str, large: dict[str, Any], count: int) -> tuple[Counter[int], list[float]]:
    statuses: Counter[int] = Counter()
    waits: list[float] = []
    requests = iter(range(count))
    url, context = f"http://127.0.0.1:{port}", ssl.create_default_context()  # one for all: making it takes long

    async def flood() -> None:
        async with httpx.AsyncClient(timeout=120, base_url=url, verify=context) as client:
            for _ in requests:
                reply = await client.post(path, json=large, headers=bearer("one"))
                statuses[reply.status_code] += 1
                if reply.status_code == 429:
                    waits.append(float(reply.headers["retry-after"]))

    await asyncio.gather(*[flood() for _ in range(FLOODING_CLIENTS)])
    return statuses, waits


async def keys(checkpoints: Path) -> list[Row]:
    from app.access.keys import KeyFile  # noqa: PLC0415 (the others need none of the service in this process)

    with tempfile.TemporaryDirectory() as folder:
        file = KeyFile(Path(folder) / "keys.json")
        steady = file.add("steady")
        async with served(checkpoints, api_keys_file=str(Path(folder) / "keys.json")) as server:
            statuses: Counter[int] = Counter()
            until = asyncio.Event()

            async def load() -> None:
                while not until.is_set():
                    statuses[await post(server, "/next-word-probs", key=steady)] += 1

            running_load = [asyncio.create_task(load()) for _ in range(8)]
            wrong = 0
            for number in range(20):
                key = file.add(f"key-{number}")
                server.process.send_signal(signal.SIGHUP)
                wrong += await post(server, "/next-word-probs", key=key) != 200
                file.revoke(f"key-{number}")
                wrong += await post(server, "/next-word-probs", key=key) != 401
            until.set()
            await asyncio.gather(*running_load)
    return [
        Row("20 keys created and revoked: wrong answers", str(wrong), wrong == 0),
        Row("the other client during that", f"{dict(statuses)}", set(statuses) == {200}),
    ]


async def privacy(checkpoints: Path) -> list[Row]:
    secrets = {name: f"secret-{name}-{os.urandom(6).hex()}" for name in ("text", "key", "state", "wrong")}
    async with served(checkpoints, api_keys=secrets["key"], traces="false") as server:
        for path, body in BODIES.items():
            field_name = "prompt" if path in ("/generate", "/draw") else "text"
            for changes in ({}, {"unknown": secrets["text"]}, {"state": secrets["state"]}, {"model": secrets["text"]}):
                request = {**body, field_name: f"once {secrets['text']}", **changes}
                for key in (secrets["key"], secrets["wrong"]):
                    await post(server, path, request, key)
            headers = {"authorization": f"Bearer {secrets['key']}", "content-type": "application/json"}
            async with httpx.AsyncClient() as client:
                await client.post(f"{server.url}{path}?q={secrets['text']}", content=secrets["text"], headers=headers)
        async with httpx.AsyncClient() as client:
            page = (await client.get(f"{server.url}/metrics", headers=bearer(server.key))).text
        log = server.log.read_text(encoding="utf-8", errors="replace")
    return [
        Row(
            f"{name} in the log, in the metrics", f"{log.count(secret)}, {page.count(secret)}", secret not in log + page
        )
        for name, secret in secrets.items()
    ]
