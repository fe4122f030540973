"""Checkpoints that change, and hours of load."""

import asyncio
import shutil
import signal
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.siege.kinds import BODIES, PATHS, copy_of, path_of
from benchmarks.siege.service import STREAM, Row, Server, post, raw, served
from models.kinds import KINDS


async def reloads(checkpoints: Path) -> list[Row]:
    rows = []
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as aside:
            original = copy_of(kind, checkpoints, Path(aside))
            copy = Path(shutil.copytree(original, Path(folder) / original.name))
            name, path = copy.name, path_of(kind)
            async with served(Path(folder), bad_checkpoints="refuse") as server:
                statuses: Counter[int] = Counter()
                until = asyncio.Event()
                body = {**BODIES.get(path, {}), "model": name}

                async def load(server: Server, path: str, body: dict[str, Any]) -> None:
                    while not until.is_set():  # noqa: B023
                        statuses[await post(server, path, body)] += 1  # noqa: B023

                tasks = [asyncio.create_task(load(server, path, body)) for _ in range(4)]
                for number in range(30):
                    await asyncio.to_thread(_change, copy, original, good=number % 2 == 0)
                    server.process.send_signal(signal.SIGHUP)
                    await asyncio.sleep(0.3)
                until.set()
                await asyncio.gather(*tasks)
        rows.append(Row(f"30 reloads of a {kind}, {name}", str(dict(statuses)), set(statuses) == {200}))
    return rows


def _change(copy: Path, original: Path, good: bool) -> None:
    """Replace a checkpoint by the original with another card, or by one with a byte of its weights changed."""
    other = copy.with_name(f".{copy.name}.new")
    shutil.copytree(original, other)
    if good:
        from models import checkpoint  # noqa: PLC0415

        checkpoint.replace_files(other, {"README.md": f"# {time.time()}".encode()})
    else:
        weights = next(path for path in other.iterdir() if path.suffix in (".safetensors", ".npz", ".model"))
        content = bytearray(weights.read_bytes())
        content[len(content) // 2] ^= 1
        weights.write_bytes(content)
    old = copy.with_name(f".{copy.name}.gone")
    copy.rename(old)
    other.rename(copy)
    shutil.rmtree(old)


async def soak(checkpoints: Path, minutes: float) -> list[Row]:
    async with served(checkpoints) as server:
        statuses: Counter[int] = Counter()
        memory: list[tuple[float, float]] = []
        start = time.monotonic()

        async def load(number: int) -> None:
            while time.monotonic() - start < minutes * 60:
                statuses[await post(server, PATHS[number % len(PATHS)])] += 1
                number += 1

        async def leave() -> None:
            while time.monotonic() - start < minutes * 60:
                connections = [await raw(server, STREAM) for _ in range(8)]
                await asyncio.sleep(0.5)
                for connection in connections:
                    connection.close()
                memory.append(((time.monotonic() - start) / 60, server.megabytes))

        await asyncio.gather(*[load(number) for number in range(8)], leave())
        free = await server.is_idle()
    warm = min(5.0, minutes / 3)
    later = [size for minute, size in memory if minute >= warm]
    first, last = statistics.mean(later[: len(later) // 4]), statistics.mean(later[-len(later) // 4 :])
    return [
        Row(f"{minutes:.0f} minutes: answers", str(dict(statuses)), set(statuses) == {200}),
        Row(
            f"memory after {warm:.0f} minutes: first and last quarter, least, most",
            f"{first:.0f}, {last:.0f}, {min(later):.0f}, {max(later):.0f} MB",
            last < first * 1.05,
        ),
        Row("until all slots are free", f"{free:.2f} s", free < 5),
    ]
