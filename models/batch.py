"""Padded batches of ids, their masks, and length bucketing."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PADDING_ID = 0
"""Any valid id would do: no model lets padding reach a result."""


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
        return padding_mask(self.lengths, self.ids.shape[1])

    def to(self, device: torch.device) -> "Batch":
        return Batch(to_device(self.ids, device), to_device(self.lengths, device))


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor on a device; from pinned memory to a GPU, so that the copy does not wait for the GPU's queue."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def padding_mask(lengths: Tensor, width: int) -> Tensor:
    """(B, width) bool, true where a token is real, of rows with lengths (B,)."""
    return torch.arange(width, device=lengths.device).unsqueeze(0) < lengths.unsqueeze(1)


def pad(sequences: Sequence[Sequence[int]], multiple: int = 1) -> Batch:
    """Pad sequences of ids to a common length, rounded up to `multiple`.

    Rounding keeps the number of different shapes small: oneDNN compiles a kernel for each.
    Raises ValueError for no sequences or an empty one.
    """
    if not sequences or not all(sequences):
        raise ValueError("a batch needs at least one sequence, and each at least one id")
    lengths = [len(sequence) for sequence in sequences]
    width = -(-max(lengths) // multiple) * multiple
    rows = [[*sequence, *[PADDING_ID] * (width - len(sequence))] for sequence in sequences]
    return Batch(torch.tensor(rows, dtype=torch.int64), torch.tensor(lengths, dtype=torch.int64))


def length_buckets(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Group sequences by length into batches of at most max_tokens, padding included, or of one sequence.

    Returns the indices of the sequences of each batch, the shortest first.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        if not batches or (len(batches[-1]) + 1) * lengths[index] > max_tokens:
            batches.append([])
        batches[-1].append(index)
    return batches
