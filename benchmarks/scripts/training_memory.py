"""The trainer's memory with a corpus larger than memory.

    python benchmarks/scripts/training_memory.py [--gigabytes 10] [--limit-gigabytes 4] [--folder large-corpus]

Writes the text (words sampled from a Zipf distribution), and trains a language model on it in a process with
limited memory (RLIMIT_DATA: heap and anonymous maps, but not mapped files, whose pages the kernel can drop).
Stops after two minutes of training, and prints the peak of its memory.
"""

import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

WORDS, SENTENCE = 50_000, 14


def write_text(path: Path, size: int, seed: int) -> None:
    """Lines of 14 words, until the file has size bytes."""
    rng = np.random.default_rng(0)  # the vocabulary is the same for every seed
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(rng.choice(letters, rng.integers(2, 11))) for _ in range(WORDS)])
    weights = 1 / np.arange(1, WORDS + 1)
    weights /= weights.sum()
    rng = np.random.default_rng(seed)
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < size:
            lines = words[rng.choice(WORDS, (2_000, SENTENCE), p=weights)]
            file.write("\n".join(" ".join(line) for line in lines) + "\n")


def memory(process: int) -> dict[str, float]:
    """The memory of a process now, in GB: anonymous, and mapped files."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return {name: int(fields[name].split()[0]) / 1e6 for name in ("RssAnon", "RssFile") if name in fields}


def watch(process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    """Wait until it has trained for some seconds, and print its peaks of memory."""
    peaks = {"RssAnon": 0.0, "RssFile": 0.0}
    started, trained = time.monotonic(), None
    while process.poll() is None and (trained is None or time.monotonic() - trained < seconds):
        for name, value in memory(process.pid).items():
            peaks[name] = max(peaks[name], value)
        # a line of progress, which comes once a minute, or of an evaluation
        if trained is None and any(step in log.read_text(encoding="utf-8") for step in ("step ", '"step"')):
            trained = time.monotonic()
            sys.stdout.write(f"first steps after {trained - started:,.0f} s\n")
        time.sleep(min(1.0, seconds / 4))
    failed = process.poll()
    process.kill()
    process.wait()
    sys.stdout.write(f"peak of anonymous memory {peaks['RssAnon']:.2f} GB, mapped files {peaks['RssFile']:.2f} GB\n")
    sys.stdout.write(f"{log.read_text(encoding='utf-8')[-1500:]}\n")
    if failed is not None or trained is None:
        raise SystemExit(f"it ended before it had trained for {seconds:.0f} s")


def main(
    gigabytes: float = 10.0,
    limit_gigabytes: float = 4.0,
    seconds: float = 120.0,
    size: Annotated[int, typer.Option(help="Width of the model's hidden state and embeddings.")] = 256,
    folder: Annotated[Path, typer.Option(help="A folder to make, and to delete at the end.")] = Path("large-corpus"),
) -> None:
    """Measure the trainer's memory."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    train, valid, log = (folder / name for name in ("train.txt", "valid.txt", "log"))
    write_text(train, int(gigabytes * 1e9), 1)
    write_text(valid, 100_000, 2)
    command = [
        sys.executable, "-m", "trainer.cli", "language", "--language", "en", "--train", str(train), "--valid",
        str(valid), "--set", f"hidden={size}", "--set", f"embedding={size}", "--out", str(folder / "model"),
    ]  # fmt: skip
    limit = int(limit_gigabytes * 1e9)
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    resource.prlimit(process.pid, resource.RLIMIT_DATA, (limit, limit))
    try:
        watch(process, log, seconds)
    finally:
        process.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    typer.run(main)
