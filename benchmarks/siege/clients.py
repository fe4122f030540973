"""Several clients: fair shares, keys that come and go, and what nobody may read."""

import asyncio
import multiprocessing
import os
import signal
import ssl
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from benchmarks.siege.kinds import BODIES, RECORDING, SMALL
from benchmarks.siege.service import Row, bearer, percentile, post, request, served

FLOODING_CLIENTS = 300
TEXTS = (
    "text", "prompt", "q", "input", "inputs", "image", "file", "source", "target", "language", "voice", "top", "stop",
    "candidates", "prefix", "marked", "format", "response_format", "size", "user",
)  # fmt: skip
"""Names of fields that can hold a text."""
LARGE = {"prompt": "once upon a time", "max_new_tokens": 200, "min_new_tokens": 200, "n": 4}
FLOODS: dict[str, tuple[str, dict[str, Any], int]] = {
    "language": ("/generate", LARGE, 2000),
    "classifier": ("/classify", {"text": ["a wonderful film, "] * 16}, 1000),
    "translator": ("/translate", {"text": [BODIES["/translate"]["text"] * 4] * 8, "target": "tr"}, 500),
    "summarizer": ("/summarize", {"text": [BODIES["/summarize"]["text"] * 10] * 8}, 500),
    "image": ("/draw", {"prompt": "seven", "n": 16}, 500),
    "captioner": ("/describe", BODIES["/describe"], 2000),
    "recognizer": (RECORDING, {"seconds": 20}, 500),
    "speaker": ("/speak", {"text": "three seven one " * 15}, 500),
}
"""By task, the route, body and number of key one's requests; key two's are the small ones of the task."""


async def fairness(checkpoints: Path) -> list[Row]:
    rows = []
    for task, flood in FLOODS.items():
        rows += await _fairness(checkpoints, *flood, SMALL[task])
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
    seconds, content = [], request(path, key="two")
    async with httpx.AsyncClient(timeout=120, base_url=f"http://127.0.0.1:{port}", verify=_tls()) as client:
        for _ in range(count):
            start = time.monotonic()
            reply = await client.post(path, **content)
            seconds.append(time.monotonic() - start if reply.status_code == 200 else float("inf"))
    return sorted(seconds)


@cache
def _tls() -> ssl.SSLContext:
    """One for all clients: making it takes long."""
    return ssl.create_default_context()


def _flood(port: int, path: str, large: dict[str, Any], count: int) -> tuple[Counter[int], list[float]]:
    """Key one's large requests: how many had each status, and the Retry-After of the refusals."""
    return asyncio.run(_flood_requests(port, path, large, count))


async def _flood_requests(port: int, path: str, large: dict[str, Any], count: int) -> tuple[Counter[int], list[float]]:
    statuses: Counter[int] = Counter()
    waits: list[float] = []
    requests = iter(range(count))
    url, content = f"http://127.0.0.1:{port}", request(path, large, "one")

    async def flood() -> None:
        async with httpx.AsyncClient(timeout=120, base_url=url, verify=_tls()) as client:
            for _ in requests:
                reply = await client.post(path, **content)
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
    echoes, errors = 0, set[str]()
    async with served(checkpoints, api_keys=secrets["key"]) as server:
        async with httpx.AsyncClient(timeout=120, base_url=server.url) as client:
            document = (await client.get("/openapi.json")).json()
            listed = (await client.get("/models", headers=bearer(server.key))).json()["models"]
            names = [*(model["name"] for model in listed), secrets["text"]]
            for path in [path for path, methods in document["paths"].items() if "post" in methods]:
                for model in names if "{" in path else ("language-en",):
                    for content in _revealing(secrets, model, BODIES.get(path, {})):
                        for key in (secrets["key"], secrets["wrong"]):
                            reply = await client.post(path.format(model=model), **_with_headers(content, secrets, key))
                            if reply.status_code >= 400:
                                echoes += any(secret in reply.text for secret in secrets.values())
                            if reply.status_code >= 500:
                                errors.add(f"{path} {reply.status_code}")
            page = (await client.get("/metrics", headers=bearer(server.key))).text
        log = server.log.read_text(encoding="utf-8", errors="replace")
    return [
        *(
            Row(
                f"{name} in the log, in the metrics",
                f"{log.count(value)}, {page.count(value)}",
                value not in log + page,
            )
            for name, value in secrets.items()
        ),
        Row("errors that repeat any of it", str(echoes), not echoes),
        Row("errors of ours", ", ".join(sorted(errors)) or "none", not errors),
    ]


def _revealing(secrets: dict[str, str], model: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Requests with a text, a state and a key wherever a client could put one: httpx's options."""
    text, mine = secrets["text"], {"model": model}
    everywhere = dict.fromkeys(TEXTS, f"once {text}")
    query = {"q": text, "text": text, "language": text, "api_key": secrets["wrong"], "x": secrets["state"]}
    kinds = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "audio/wav",
             "image/png", "application/octet-stream", "text/plain", text)  # fmt: skip
    yield {"json": everywhere | mine, "params": query}
    yield {"json": {name: [value] for name, value in everywhere.items()} | mine}
    yield {"json": body | {"state": secrets["state"]} | mine}
    for name in (*TEXTS, *body):
        yield {"json": body | {name: f"once {text}"}}
        yield {"json": body | {name: {"a": [text]}}}
    tensor = {"name": text, "shape": [1], "datatype": "BYTES", "data": [text]}
    yield {"json": {"inputs": [tensor], "outputs": [{"name": text}], "id": text}}
    yield {"data": everywhere | {"api_key": secrets["wrong"]}}
    for name in ("file", "image", "q"):
        for kind in kinds:
            yield {"files": {name: (f"{text}.wav", text.encode(), kind)}, "data": {"language": text, **mine}}
    for kind in kinds:
        for content in (f'{{"text": "{text}', text, f"RIFF{text}", f"\x89PNG\r\n\x1a\n{text}", f"q={text}%zz"):
            yield {"content": content.encode("latin-1"), "headers": {"content-type": kind}, "params": query}


def _with_headers(options: dict[str, Any], secrets: dict[str, str], key: str) -> dict[str, Any]:
    """The same request with a key, and texts in headers."""
    names = "user-agent", "referer", "cookie", "last-event-id", "priority", "traceparent", "x-request-id"
    headers = dict.fromkeys(names, f"{secrets['text']} {secrets['state']}")
    return {**options, "headers": {**headers, **options.get("headers", {}), **bearer(key)}}
