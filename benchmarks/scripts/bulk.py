"""`carousel bulk classify`, the same texts over HTTP, and a plain loop: `python -m benchmarks.scripts.bulk FILE`.

bulk   the command, in one process
http   32 clients of the service, a text in each request
loop   the float32 module (nn.LSTM), a text after the other

FILE has texts as JSON lines. Wall-clock time and processor time are of the texts alone: without starting, loading and,
of bulk, reading the input for its checksum. The processor time of http is the server's. The three take turns, round by
round.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import torch
import typer

from app.bulk import local
from app.bulk.answering import Answerer
from app.bulk.folder import RunFolder
from app.bulk.plan import Plan
from app.bulk.rows import Table
from app.bulk.scan import scan
from app.bulk.sources import Source
from app.settings import Settings
from benchmarks import extras
from benchmarks.client import Connection
from benchmarks.process import Launch, free_port, running
from benchmarks.rivals import reference
from models.tables.lines import TextFormat

CLIENTS = 32
PART_ROWS = 1000
Cost = tuple[float, float]
"""Seconds of wall-clock time and of processor time."""


def timed(work: Callable[[], None], cpu_s: Callable[[], float] = time.process_time) -> Cost:
    begin, cpu = time.perf_counter(), cpu_s()
    work()
    return time.perf_counter() - begin, cpu_s() - cpu


def bulk(path: Path, rows: int, model: str, settings: Settings, scratch: Path) -> Cost:
    form = TextFormat()
    known = scan(path, form, "text", ("text",))
    folder = RunFolder(scratch)
    scratch.mkdir()
    parts = list(Plan({}, [known], 0, PART_ROWS).parts())
    answerer = Answerer("classify", {"model": model}, settings)
    sources = [Source(Table(path, form, "text"), known.column)]
    with answerer.running():
        cost = timed(lambda: local.answer(answerer, folder, sources, parts, lambda _: None))
    assert sum(len(list(folder.read(part.number))) for part in parts) == rows
    return cost


def http(texts: Sequence[str], model: str, settings: Settings, scratch: Path) -> Cost:
    port = free_port()
    environment = {"CAROUSEL_CHECKPOINTS": str(settings.checkpoints), "CAROUSEL_MODELS": model}
    launch = Launch(("-m", "app", "serve", "--port", str(port)), environment=environment)
    scratch.mkdir()
    with running(launch, port, scratch):
        (server,) = [child for child in extras.load("psutil").Process().children() if str(port) in child.cmdline()]
        bodies = iter([json.dumps({"text": text, "model": model}).encode() for text in texts])

        async def client() -> None:
            connection = Connection(port)
            for body in bodies:
                record = await connection.post("/classify", body)
                assert record.answered, record.error

        async def all_clients() -> None:
            await asyncio.gather(*(client() for _ in range(CLIENTS)))

        return timed(lambda: asyncio.run(all_clients()), lambda: sum(server.cpu_times()[:2]))


def loop(texts: Sequence[str], model: str, settings: Settings, threads: int) -> Cost:
    torch.set_num_threads(threads)
    loaded = reference.load(settings.checkpoints / model)

    @torch.inference_mode()
    def classify() -> None:
        for text in texts:
            reference.class_scores(loaded, text)

    return timed(classify)


def main(
    file: Annotated[Path, typer.Argument(help="Texts as JSON lines.")],
    model: Annotated[str, typer.Option(help="A classifier.")] = "sentiment-tr",
    rows: int = 2000,
    rounds: int = 3,
    threads: Annotated[int, typer.Option(help="Of the loop: a second one waits in vain on a busy machine.")] = 1,
) -> None:
    """Print the texts/s of each, and the processor time of a text."""
    settings = Settings()
    with TemporaryDirectory() as folder:
        scratch = Path(folder)
        with file.open(encoding="utf-8") as lines:
            texts = [json.loads(line)["text"] for line in islice(lines, rows)]
        sample = scratch / "texts.jsonl"
        sample.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
        costs: dict[str, list[Cost]] = {"bulk": [], "http": [], "loop": []}
        for number in range(rounds):
            costs["bulk"].append(bulk(sample, len(texts), model, settings, scratch / f"bulk-{number}"))
            costs["http"].append(http(texts, model, settings, scratch / f"http-{number}"))
            costs["loop"].append(loop(texts, model, settings, threads))
            for name, done in costs.items():
                report(name, done[-1], len(texts))
    print("medians")
    for name, done in costs.items():
        report(name, (median(wall for wall, _ in done), median(cpu for _, cpu in done)), len(texts))


def report(name: str, cost: Cost, count: int) -> None:
    wall_s, cpu_s = cost
    cost_ms, load = 1000 * cpu_s / count, os.getloadavg()[0]
    print(f"{name}: {count / wall_s:.1f} texts/s, {cost_ms:.2f} ms of processor a text, load {load:.1f}", flush=True)


if __name__ == "__main__":
    typer.run(main)
