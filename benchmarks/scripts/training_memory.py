"""A corpus larger than memory: does the trainer keep within its limit?

    python benchmarks/scripts/training_memory.py [--gigabytes 10] [--limit-gigabytes 4] [--folder large-corpus]

Writes so much text (sentences drawn word by word, as unevenly as words are), and trains a language
model on it in a process that the kernel allows so much memory of its own (RLIMIT_DATA: heap and
anonymous maps; a file that is mapped is the kernel's to keep or drop). Stops once it has trained for
two minutes, and prints the most memory that it had.
"""

import argparse
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

WORDS, SENTENCE = 50_000, 14


def write_text(path: Path, size: int, seed: int) -> None:
    """Lines of 14 words, until the file has size bytes."""
    draw = np.random.default_rng(0)  # the same words each time
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(draw.choice(letters, draw.integers(2, 11))) for _ in range(WORDS)])
    weights = 1 / np.arange(1, WORDS + 1)
    weights /= weights.sum()
    draw = np.random.default_rng(seed)
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < size:
            lines = words[draw.choice(WORDS, (2_000, SENTENCE), p=weights)]
            file.write("\n".join(" ".join(line) for line in lines) + "\n")


def peak(process: int) -> dict[str, float]:
    """The memory of a process now, in GB: its own, and files that are mapped."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    wanted = ("RssAnon", "RssFile")
    found = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return {name: int(found[name].split()[0]) / 1e6 for name in wanted if name in found}


def watch(process: subprocess.Popen[bytes], log: Path) -> None:
    """Print what happens until training has gone on for two minutes."""
    highest = {"RssAnon": 0.0, "RssFile": 0.0}
    started, trained = time.monotonic(), None
    while process.poll() is None and (trained is None or time.monotonic() - trained < 120):
        for name, value in peak(process.pid).items():
            highest[name] = max(highest[name], value)
        if trained is None and "step " in log.read_text(encoding="utf-8"):
            trained = time.monotonic()
            sys.stdout.write(f"first steps after {trained - started:,.0f} s\n")
        time.sleep(1)
    failed = process.poll()
    process.kill()
    process.wait()
    sys.stdout.write(f"most memory of its own {highest['RssAnon']:.2f} GB, mapped files {highest['RssFile']:.2f} GB\n")
    sys.stdout.write(f"{log.read_text(encoding='utf-8')[-1500:]}\n")
    if failed is not None or trained is None:
        raise SystemExit("it ended before it had trained for two minutes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=10)
    parser.add_argument("--limit-gigabytes", type=float, default=4)
    parser.add_argument("--folder", type=Path, default=Path("large-corpus"))
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    train, valid, log = (options.folder / name for name in ("train.txt", "valid.txt", "log"))
    write_text(train, int(options.gigabytes * 1e9), 1)
    write_text(valid, 100_000, 2)
    command = [
        sys.executable, "-m", "trainer.cli", "language", "--language", "en", "--train", str(train), "--valid",
        str(valid), "--set", "hidden=256", "--set", "embedding=256", "--out", str(options.folder / "model"),
    ]  # fmt: skip
    limit = int(options.limit_gigabytes * 1e9)
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    resource.prlimit(process.pid, resource.RLIMIT_DATA, (limit, limit))
    try:
        watch(process, log)
    finally:
        process.kill()
        shutil.rmtree(options.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
