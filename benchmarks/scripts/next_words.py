"""Next-word questions inside the engine, without HTTP: how many a second?

    taskset -c 0 python benchmarks/scripts/next_words.py CHECKPOINT TEXT [--askers 64] [--seconds 10]

Each asker sends a question of 3 to 12 words of the text, waits for its answer, and sends the next. On one core, engine
and askers share it; beside the rate on the clock stands that on the processor's time, which other work on the machine
leaves alone.
"""

import argparse
import asyncio
import random
import time
from pathlib import Path

import torch

from app.catalog.registry import Registry, serve
from app.engine.engine import Engine
from app.engine.jobs import PredictJob
from models import checkpoint

WARM_UP_S, LISTED = 1.0, 10


async def measure(folder: Path, prompts: list[str], askers: int, seconds: float) -> tuple[float, float]:
    """Answers a second, by the clock and by the processor's time."""
    served = serve(checkpoint.load(folder), "int8", threads=1)
    engine = Engine(Registry([served], torch.device("cpu")))
    engine.start()
    begin = time.perf_counter() + WARM_UP_S
    end, answered, spent = begin + seconds, 0, 0.0

    async def ask(number: int) -> None:
        nonlocal answered
        draw = random.Random(number)
        while time.perf_counter() < end:
            ticket = await engine.submit(PredictJob(draw.choice(prompts), LISTED, "word"), served)
            await ticket.result()
            answered += begin <= time.perf_counter() < end

    async def watch() -> None:
        nonlocal spent
        await asyncio.sleep(WARM_UP_S)
        before = time.process_time()
        await asyncio.sleep(seconds)
        spent = time.process_time() - before

    await asyncio.gather(watch(), *(ask(number) for number in range(askers)))
    engine.stop(1.0)
    return answered / seconds, answered / spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("--askers", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    draw = random.Random(1)
    lines = [line.split() for line in given.text.read_text(encoding="utf-8").splitlines()]
    prompts = [" ".join(words[: draw.randint(3, 12)]) for words in lines if len(words) > 12]
    by_clock, by_processor = asyncio.run(measure(given.checkpoint, prompts, given.askers, given.seconds))
    print(f"{by_clock:,.0f} answers a second; {by_processor:,.0f} for each second of the processor")


if __name__ == "__main__":
    main()
