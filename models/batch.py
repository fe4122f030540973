"""Ragged ids become a rectangle, with what is needed to ignore its padding."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PADDING_ID = 0
"""Fills the rectangle. Any valid id would do: no model lets padding reach a result."""


@dataclass(frozen=True)
class Batch:
    """Sequences of ids, padded on the right.

    ids is (B, T) int64, lengths is (B,) int64 with every length at least 1.
    """

    ids: Tensor
    lengths: Tensor

    @property
    def mask(self) -> Tensor:
        """(B, T) bool, true where a token is real."""
        steps = torch.arange(self.ids.shape[1], device=self.ids.device)  # (T,)
        return steps.unsqueeze(0) < self.lengths.unsqueeze(1)  # (B, T)

    def to(self, device: torch.device) -> "Batch":
        return Batch(self.ids.to(device), self.lengths.to(device))


def pad(sequences: Sequence[Sequence[int]], multiple: int = 1) -> Batch:
    """Pad sequences of ids to a common length, rounded up to `multiple`.

    Rounding keeps the number of different shapes small: oneDNN sets up a kernel for each.
    Raises ValueError for no sequences or an empty one.
    """
    if not sequences or not all(sequences):
        raise ValueError("a batch needs at least one sequence, and each at least one id")
    lengths = [len(sequence) for sequence in sequences]
    width = -(-max(lengths) // multiple) * multiple
    rows = [[*sequence, *[PADDING_ID] * (width - len(sequence))] for sequence in sequences]
    return Batch(torch.tensor(rows, dtype=torch.int64), torch.tensor(lengths, dtype=torch.int64))


def like_lengths(lengths: Sequence[int], most_tokens: int) -> list[list[int]]:
    """Cut sequences into batches of like length, each of at most most_tokens with its padding, or of one.

    Returns the places of the sequences of each batch, the shortest first.
    """
    batches: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: lengths[place]):
        if not batches or (len(batches[-1]) + 1) * lengths[place] > most_tokens:
            batches.append([])
        batches[-1].append(place)
    return batches
