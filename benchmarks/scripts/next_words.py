"""Next-word requests per second inside the engine, without HTTP.

    taskset -c 0 python benchmarks/scripts/next_words.py CHECKPOINT TEXT [--clients 64] [--seconds 10]

Each client sends 3 to 12 words of the text, waits for the reply, and sends the next. On one core, engine and clients
share it. The rate per second of processor time, unlike the rate by the clock, does not depend on other programs.
"""

import asyncio
import random
import time
from pathlib import Path
from typing import Annotated

import torch
import typer

from app.catalog.registry import Registry, serve
from app.engine.engine import Engine
from app.engine.jobs import PredictJob
from models import checkpoint

WARM_UP_S, TOP = 1.0, 10


async def measure(folder: Path, prompts: list[str], clients: int, seconds: float) -> tuple[float, float]:
    """Replies a second, by the clock and by processor time."""
    served = serve(checkpoint.load(folder), "int8", threads=1)
    engine = Engine(Registry([served], torch.device("cpu")))
    engine.start()
    begin = time.perf_counter() + WARM_UP_S
    end, replies, cpu_s = begin + seconds, 0, 0.0

    async def client(number: int) -> None:
        nonlocal replies
        rng = random.Random(number)
        while time.perf_counter() < end:
            ticket = await engine.submit(PredictJob(rng.choice(prompts), TOP, "word"), served)
            await ticket.result()
            replies += begin <= time.perf_counter() < end

    async def measure_cpu() -> None:
        nonlocal cpu_s
        await asyncio.sleep(WARM_UP_S)
        before = time.process_time()
        await asyncio.sleep(seconds)
        cpu_s = time.process_time() - before

    await asyncio.gather(measure_cpu(), *(client(number) for number in range(clients)))
    engine.stop(1.0)
    return replies / seconds, replies / cpu_s


def main(
    checkpoint_folder: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="A language model.")],
    text: Annotated[Path, typer.Argument(help="A text file; its lines of more than 12 words are used.")],
    clients: int = 64,
    seconds: float = 10.0,
) -> None:
    """Measure next-word requests inside the engine."""
    torch.set_num_threads(1)
    rng = random.Random(1)
    lines = [line.split() for line in text.read_text(encoding="utf-8").splitlines()]
    prompts = [" ".join(words[: rng.randint(3, 12)]) for words in lines if len(words) > 12]
    by_clock, by_cpu = asyncio.run(measure(checkpoint_folder, prompts, clients, seconds))
    print(f"{by_clock:,.0f} replies a second; {by_cpu:,.0f} a second of processor time")


if __name__ == "__main__":
    typer.run(main)
