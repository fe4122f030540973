"""Milliseconds of processor time that a review takes in the int8 classifier, its LSTM compiled and by ONNX Runtime.

    python benchmarks/scripts/reviews.py CLASSIFIER [--rounds 9]

The reviews are those of the workload `classify`, each by itself, in one thread. The two ways alternate within a run,
and the ratio of the two times of each round is printed: median and quartiles. Needs the extra `fast`.
"""

import statistics
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks.workloads import get_workload
from models import checkpoint
from models.batch import Batch, pad
from models.networks.classifier import Classifier
from models.runtime.int8.classifier import Int8Classifier

REVIEWS = 64
LENGTHS = {"all": (1, 10**6), "below 60 tokens": (1, 60), "60 to 299": (60, 300), "from 300": (300, 10**6)}


def measure(runtime: Int8Classifier, batches: Sequence[Batch]) -> float:
    """Milliseconds a review."""
    started = time.process_time()
    for batch in batches:
        runtime.classify(batch, explain=False)
    return (time.process_time() - started) / len(batches) * 1e3


def main(
    classifier: Annotated[Path, typer.Argument(help="A checkpoint of a classifier.")],
    rounds: Annotated[int, typer.Option(min=2)] = 9,
) -> None:
    loaded = checkpoint.load(classifier)
    assert isinstance(loaded.model, Classifier)
    runtimes = [Int8Classifier(loaded.model, threads=1, compile_lstm=compiled) for compiled in (False, True)]
    texts = [body["text"] for body in islice(get_workload("classify").bodies(seed=1), REVIEWS)]
    batches = [pad([loaded.tokenizer.encode(text)]) for text in texts]
    for name, (shortest, longest) in LENGTHS.items():
        chosen = [batch for batch in batches if shortest <= int(batch.lengths) < longest]
        if not chosen:
            continue
        times: list[list[float]] = [[], []]
        for number in range(rounds):
            for index in (0, 1) if number % 2 else (1, 0):
                times[index].append(measure(runtimes[index], chosen))
        low, middle, high = statistics.quantiles([plain / fast for plain, fast in zip(*times, strict=True)], n=4)
        plain, fast = map(statistics.median, times)
        tokens = sum(int(batch.lengths) for batch in chosen) / len(chosen)
        print(
            f"{name}: {len(chosen)} reviews of {tokens:.0f} tokens; ONNX Runtime {plain:.2f} ms, "
            f"compiled {fast:.2f} ms: {middle:.2f} × ({low:.2f}..{high:.2f})"
        )


if __name__ == "__main__":
    with torch.inference_mode():
        typer.run(main)
