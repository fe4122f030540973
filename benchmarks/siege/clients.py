"""Several clients: fair shares, keys that come and go, and what nobody may read."""

import asyncio
import os
import signal
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx

from benchmarks.siege.service import BODIES, Row, bearer, percentile, post, served


async def fairness(checkpoints: Path) -> list[Row]:
    async with served(checkpoints, api_keys="one,two", max_queued_jobs="256", request_timeout_s="20") as server:
        statuses: Counter[int] = Counter()
        waits: list[float] = []
        large = {"prompt": "once upon a time", "max_new_tokens": 200, "min_new_tokens": 200, "n": 4}
        requests = iter(range(2000))

        async def flood() -> None:
            async with httpx.AsyncClient(timeout=120) as client:
                for _ in requests:
                    reply = await client.post(f"{server.url}/generate", json=large, headers=bearer("one"))
                    statuses[reply.status_code] += 1
                    if reply.status_code == 429:
                        waits.append(float(reply.headers["retry-after"]))

        async def small(count: int) -> list[float]:
            seconds = []
            for _ in range(count):
                start = time.monotonic()
                status = await post(server, "/next-word-probs", key="two")
                seconds.append(time.monotonic() - start if status == 200 else float("inf"))
            return sorted(seconds)

        alone = await small(30)
        load = asyncio.gather(*[flood() for _ in range(300)])
        await asyncio.sleep(2)
        flooded = await small(30)
        await load
        free = await server.is_idle(60)
        again = await small(30)
    total = sum(statuses.values())
    return [
        Row("2,000 requests of key one, by status", str(dict(sorted(statuses.items())))),
        Row("all answered with 200, 429 or 504", str(total), total == 2000 and set(statuses) <= {200, 429, 504}),
        Row("Retry-After, median", f"{statistics.median(waits) if waits else 0:.0f} s"),
        Row("key two alone: p50, max", f"{percentile(alone, 0.5) * 1000:.0f}, {alone[-1] * 1000:.0f} ms"),
        Row(
            "key two in the flood: p50, max",
            f"{percentile(flooded, 0.5) * 1000:.0f}, {flooded[-1] * 1000:.0f} ms",
            flooded[-1] < 5,
        ),
        Row("until all slots are free", f"{free:.2f} s", free < 30),
        Row("key two afterwards: p50", f"{percentile(again, 0.5) * 1000:.0f} ms", again[-1] < 1),
    ]


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
            field_name = "prompt" if path == "/generate" else "text"
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
