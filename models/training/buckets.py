"""Batches of sequences of like length, so that little of a batch is padding."""

import random
from collections.abc import Sequence


def bucket(
    lengths: Sequence[int], batch_tokens: int, seed: int, epoch: int, batch_rows: int = 1 << 30
) -> list[list[int]]:
    """Group the indices of lengths into batches of at most batch_rows rows and batch_tokens padded tokens.

    Neighbours in length share a batch; ties and the order of batches are drawn for (seed, epoch).
    A sequence longer than batch_tokens makes a batch of its own.
    """
    draw = random.Random(f"{seed}:{epoch}")
    order = sorted(range(len(lengths)), key=lambda index: (lengths[index], draw.random()))
    batches: list[list[int]] = []
    current: list[int] = []
    for index in order:
        full = len(current) == batch_rows or (len(current) + 1) * lengths[index] > batch_tokens
        if current and full:
            batches.append(current)
            current = []
        current.append(index)
    if current:
        batches.append(current)
    draw.shuffle(batches)
    return batches
