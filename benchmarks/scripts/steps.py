"""Milliseconds of processor time that a step of the engine takes by its sampling settings, and a step of beam search.

    python benchmarks/scripts/steps.py LANGUAGE TRANSLATOR [--rows 1 --rows 16 --rows 64] [--against CHECKOUT]

Texts that end are replaced at once, so that every step has as many rows. With --against, a process of another checkout
measures in turn with this one, and the ratio of the two times of each round is printed: median and quartiles.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import torch
import typer

from app.catalog.registry import Served, serve
from app.engine.jobs import GenerateJob
from app.engine.lanes.decode import DecodeLane, GenerateTask
from app.engine.outbox import Outbox
from app.engine.ticket import Caller, Ticket
from models import checkpoint
from models.decoding.beam_search import Beam, BeamBatch, SearchConfig, encode, source_ids
from models.networks.translator import Translator
from models.runtime.interface import LanguageRuntime, TranslatorRuntime
from models.sampling import SamplingConfig

SETTINGS = {
    "plain": SamplingConfig(1.0),
    "greedy": SamplingConfig(0.0),
    "top_k 50": SamplingConfig(1.0, top_k=50),
    "top_p 0.9": SamplingConfig(1.0, top_p=0.9),
    "repetition_penalty 1.1": SamplingConfig(1.0, repetition_penalty=1.1),
    "presence, frequency 0.5": SamplingConfig(1.0, presence_penalty=0.5, frequency_penalty=0.5),
    "top_k 50, top_p 0.95, repetition_penalty 1.1": SamplingConfig(
        1.0, top_k=50, top_p=0.95, repetition_penalty=1.1
    ),
}  # fmt: skip
PROMPTS = ("It was a dark night", "She said that the", "The house stood", "When the man came home, he", "I think")
SENTENCES = (
    "The train to the coast leaves at nine o'clock in the morning.",
    "I don't know where my brother put the keys of the house.",
    "Where do you live?",
    "If it rains tomorrow, we will stay at home and read the books that you gave us.",
)
TOKENS, WARM_UP_STEPS, BEAM_SIZE = 64, 5, 5


class Rows:
    """A decode lane with as many running texts as it has rows."""

    def __init__(self, served: Served, config: SamplingConfig, rows: int) -> None:
        self._served, self._config, self._rows = served, config, rows
        self._runtime = cast("LanguageRuntime", served.runtime)
        self._outbox = Outbox()
        self._lane = DecodeLane(self._runtime, served.tokenizer, self._outbox)
        self._loop = asyncio.new_event_loop()
        self._seed = 0

    def step(self) -> float:
        """The processor time of one step, in seconds."""
        while self._lane.slots < self._rows:
            self._join()
        begin = time.process_time()
        self._lane.step(False)
        seconds = time.process_time() - begin
        self._outbox._events.clear()
        self._lane.sweep()
        return seconds

    def _join(self) -> None:
        self._seed += 1
        # tokens differ, so that texts do not end together
        job = GenerateJob(
            PROMPTS[self._seed % len(PROMPTS)], TOKENS // 2 + self._seed % TOKENS, self._config, self._seed
        )
        task = GenerateTask(Ticket(job, Caller(), 60.0, 0.0, self._loop), self._served)
        ids = torch.tensor(task.prompt.ids[:-1])
        state = self._runtime.prefill([ids], self._runtime.start(1))
        self._lane.join(task, state, state)


class Sentences:
    """Sentences that are translated in one batch, with BEAM_SIZE rows each."""

    def __init__(self, served: Served, rows: int) -> None:
        self._served, self._count, self._next = served, max(1, rows // BEAM_SIZE), 0
        self._runtime = cast("TranslatorRuntime", served.runtime)
        self._batch = BeamBatch(self._runtime, served.tokenizer.end_id, BEAM_SIZE, served.tokenizer.symbol_ids)

    def step(self) -> float:
        """As of Rows."""
        while len(self._batch) < self._count:
            self._join(min(4, self._count - len(self._batch)))
        begin = time.process_time()
        self._batch.step()
        return time.process_time() - begin

    def _join(self, count: int) -> None:
        model = self._served.checkpoint.model
        assert isinstance(model, Translator)
        _, target = model.config.directions[0]
        beams = []
        for _ in range(count):
            text = SENTENCES[self._next % len(SENTENCES)]
            beams.append(Beam(source_ids(model, self._served.tokenizer, text, target), SearchConfig(BEAM_SIZE)))
            self._next += 1
        self._batch.add(beams, *encode(self._runtime, beams))


def cases(language: Path, translator: Path, rows: list[int]) -> Iterator[tuple[str, Callable[[], Rows | Sentences]]]:
    """What is measured: a name, and a function that returns a new batch."""
    texts, sentences = (serve(checkpoint.load(folder), "int8") for folder in (language, translator))
    for count in rows:
        for name, config in SETTINGS.items():
            yield f"{count} rows, {name}", partial(Rows, texts, config, count)
        yield f"{count} rows, beam search", partial(Sentences, sentences, count)


@torch.inference_mode()
def work(language: Path, translator: Path, rows: list[int]) -> None:
    """Read the name of a case and how many steps, a line, and print the milliseconds of a step."""
    batches = dict(cases(language, translator, rows))
    print(json.dumps(list(batches)), flush=True)
    for line in sys.stdin:
        name, steps = json.loads(line)
        batch = batches[name]()
        for _ in range(WARM_UP_STEPS):
            batch.step()
        print(json.dumps(1000 * sum(batch.step() for _ in range(steps)) / steps), flush=True)


class Worker:
    """A process of one checkout that measures one case after another."""

    def __init__(self, checkout: Path, arguments: list[str]) -> None:
        environment = os.environ | {"PYTHONPATH": str(checkout)}
        command = [sys.executable, str(Path(__file__)), *arguments, "--worker"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.names: list[str] = self._read()

    def measure(self, name: str, steps: int) -> float:
        assert self._process.stdin
        print(json.dumps([name, steps]), file=self._process.stdin, flush=True)
        return float(self._read())

    def stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def _read(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())


def _measure_round(workers: list[Worker], name: str, steps: int, index: int) -> list[float]:
    """The milliseconds of each worker, the last one first in every other round."""
    order = workers[:: -1 if index % 2 else 1]
    times = [worker.measure(name, steps) for worker in order]
    return times[:: -1 if index % 2 else 1]


def main(
    language: Path,
    translator: Path,
    rows: Annotated[list[int] | None, typer.Option(help="Rows of a step.")] = None,
    rounds: int = 7,
    steps: Annotated[int, typer.Option(help="Steps of a round.")] = 60,
    only: Annotated[str, typer.Option(help="Only the cases whose name has this.")] = "",
    against: Annotated[Path | None, typer.Option(help="Another checkout, measured in turn with this one.")] = None,
    worker: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Measure steps of the engine."""
    rows = rows or [1, 16, 64]
    if worker:
        torch.set_num_threads(1)
        work(language, translator, rows)
        return
    arguments = [str(language), str(translator), *(f"--rows={count}" for count in rows)]
    checkouts = [Path(__file__).resolve().parents[2], *([against] if against else [])]
    workers = [Worker(checkout, arguments) for checkout in checkouts]
    for name in [name for name in workers[0].names if only in name]:
        times = np.array([_measure_round(workers, name, steps, index) for index in range(rounds)])  # (rounds, W)
        line = f"{name:60}" + "".join(f"{value:9.2f}" for value in np.median(times, axis=0))
        if against:
            low, middle, high = np.quantile(times[:, 0] / times[:, 1], [0.25, 0.5, 0.75])
            line += f"   ratio {middle:.2f} ({low:.2f} to {high:.2f})"
        print(line, flush=True)
    for worker_process in workers:
        worker_process.stop()


if __name__ == "__main__":
    typer.run(main)
