"""The process that trains: `python -m app.lessons.worker` reads turns from its input, and writes what was trained.

It has a low priority, one thread and no GPU, so that requests do not wait for it; it ends with its input.
"""

import os
import sys
import time
from contextlib import suppress

import torch

from app.lessons.characters import COMPARED, Lesson
from app.lessons.messages import Trained, Turn, read, write

NICENESS = 10
TURN_S = 1.0
"""A turn ends with the step at which it has computed so long."""


def give(turn: Turn) -> Trained:
    """Train the steps of a turn: at least one, and as many of the others as there is time for."""
    lesson = Lesson(turn.text, turn.seed)
    if turn.state:
        lesson.load(turn.state)
    losses: dict[str, list[float]] = {cell: [] for cell in COMPARED}
    begin = time.process_time()
    for _ in range(turn.steps):
        for cell, loss in lesson.step().items():
            losses[cell].append(loss)
        if time.process_time() - begin >= min(TURN_S, turn.seconds):
            break
    seconds = time.process_time() - begin
    samples = {cell: lesson.sample(cell) for cell in COMPARED}
    return Trained(lesson.steps, len(lesson.characters), losses, samples, seconds, lesson.save())


def main() -> None:
    os.nice(NICENESS)
    torch.set_num_threads(1)
    with suppress(EOFError):
        while True:
            write(sys.stdout.buffer, give(read(sys.stdin.buffer, Turn)))


if __name__ == "__main__":
    main()
