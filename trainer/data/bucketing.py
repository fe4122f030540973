"""Length bucketing of training data: batches of sequences of similar length, so that little of a batch is padding."""

import numpy as np

from trainer.data.store import IdArray


def shuffled_length_buckets(
    lengths: IdArray, batch_tokens: int, seed: int, epoch: int, batch_rows: int = 1 << 30
) -> list[IdArray]:
    """Group the indices of lengths (R,) into batches of at most batch_rows rows and batch_tokens padded tokens.

    Neighbours in length share a batch; ties and the order of batches are random, by (seed, epoch).
    A sequence longer than batch_tokens makes a batch of its own.
    """
    generator = np.random.default_rng([seed, epoch])
    order = np.lexsort((generator.random(len(lengths)), lengths))  # by length, then at random
    lengths = lengths[order]
    cuts = []
    first = 0
    while first < len(order):
        cuts.append(first)
        first += _rows(lengths, first, batch_tokens, batch_rows)
    batches = np.split(order, cuts[1:])
    return [batches[index] for index in generator.permutation(len(batches))]


def _rows(lengths: IdArray, first: int, batch_tokens: int, batch_rows: int) -> int:
    """How many sequences from first on fit, by bisection: their number times the last (longest) length only grows."""
    low, high = 1, max(1, min(batch_rows, len(lengths) - first, batch_tokens // max(1, int(lengths[first]))))
    while low < high:
        middle = (low + high + 1) // 2
        if middle * int(lengths[first + middle - 1]) <= batch_tokens:
            low = middle
        else:
            high = middle - 1
    return low
