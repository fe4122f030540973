"""Clients that leave, that read slowly, that only connect."""

import asyncio
import socket
import time
from contextlib import suppress
from pathlib import Path

import httpx

from benchmarks.siege.kinds import PATHS
from benchmarks.siege.service import ABANDONED, STREAM, Row, beside, percentile, post, raw, served


async def hang_ups(checkpoints: Path) -> list[Row]:
    async with served(checkpoints, max_batch_rows="64") as server:
        await post(server, "/generate")
        before, memory = server.descriptors, server.megabytes
        slowest = 0.0
        for _ in range(3):
            requests = [("/generate", STREAM), *ABANDONED] * 25
            connections = [await raw(server, body, path) for path, body in requests[:100]]
            await asyncio.sleep(1)
            for connection in connections:
                connection.close()
            slowest = max(slowest, await server.is_idle())
        await asyncio.sleep(1)
        after, grown = server.descriptors, server.megabytes - memory
        answers = {await post(server, path) for path in PATHS}
    return [
        Row("300 hang-ups: until all slots are free", f"{slowest:.2f} s", slowest < 5),
        Row("descriptors before and after", f"{before} and {after}", after <= before + 3),
        Row("memory grown by", f"{grown:.0f} MB", grown < 150),
        Row("a request to each route afterwards", str(answers), answers == {200}),
    ]


async def slow(checkpoints: Path) -> list[Row]:
    async with served(checkpoints, write_timeout_s="5") as server:

        async def read(connection: socket.socket) -> float:
            start = time.monotonic()
            connection.setblocking(False)
            loop = asyncio.get_running_loop()
            with suppress(OSError, TimeoutError):
                while await asyncio.wait_for(loop.sock_recv(connection, 1), 60):
                    await asyncio.sleep(1)
                    if time.monotonic() - start > 40:
                        break
            connection.close()
            return time.monotonic() - start

        body = {**STREAM, "n": 8, "logprobs": 5}
        readers = asyncio.gather(*[read(await raw(server, body)) for _ in range(10)])
        kept, seconds = await beside(server, readers)
        p99 = percentile(seconds, 0.99)
        free = await server.is_idle()
    return [
        Row("10 slow readers: /livez p99", f"{p99 * 1000:.0f} ms", p99 < 0.5),
        Row("the last of them kept for", f"{max(kept):.0f} s"),
        Row("until all slots are free", f"{free:.2f} s", free < 30),
    ]


async def floods(checkpoints: Path) -> list[Row]:
    async with served(checkpoints, max_connections="200", header_timeout_s="3") as server:
        before = server.descriptors
        connections = []
        for _ in range(400):
            with suppress(OSError):
                connections.append(socket.create_connection(("127.0.0.1", server.port), timeout=2))
        await asyncio.sleep(0.5)
        async with httpx.AsyncClient(timeout=10) as client:
            during = (await client.get(f"{server.url}/livez")).status_code
        await asyncio.sleep(5)
        after_timeout = {await post(server, path) for path in PATHS}
        for connection in connections:
            connection.close()
        await asyncio.sleep(1)
        after = server.descriptors
    return [
        Row("400 silent connections of 200 allowed: /livez", str(during), during == 200),
        Row("a request to each route once they timed out", str(after_timeout), after_timeout == {200}),
        Row("descriptors before and after", f"{before} and {after}", after <= before + 3),
    ]
