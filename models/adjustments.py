"""Penalties and biases: what changes a few logits of a text before its next token is sampled."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Adjustments:
    """What changes in the logits of a batch: A entries a row, several of which may be the same.

    A logit of ids (B, A) int64 is divided by its penalty (B, A) float32 where it is positive and multiplied by it
    elsewhere; then its shift (B, A) float32 is added.
    """

    ids: Tensor
    penalty: Tensor
    shift: Tensor

    def rows(self, index: Sequence[int] | slice) -> "Adjustments":
        """Those of some rows."""
        return Adjustments(self.ids[index], self.penalty[index], self.shift[index])

    def apply(self, logits: Tensor) -> Tensor:
        """The adjusted logits (B, A) of ids, from all logits (B, V)."""
        values = logits.gather(1, self.ids)
        return torch.where(values > 0, values / self.penalty, values * self.penalty) + self.shift


class TextAdjustments:
    """The adjustments of one text, kept up to date token by token."""

    def __init__(
        self, repetition: float, presence: float, frequency: float, bias: Mapping[int, float], seen: Iterable[int]
    ) -> None:
        """Penalties as SamplingConfig has them; bias by id; seen are the ids in the text before the first `push`."""
        self._repetition, self._bias = repetition, bias
        self._presence, self._frequency = np.float32(presence), np.float32(frequency)
        self._index: dict[int, int] = {}
        self._counts: list[int] = []
        self.ids, self.penalty, self.shift = array("q"), array("f"), array("f")
        for token in bias:
            self._entry(token)
        if repetition != 1:
            for token in seen:
                self.penalty[self._entry(token)] = repetition

    def __len__(self) -> int:
        return len(self.ids)

    def push(self, token: int) -> None:
        """Count a token that was generated."""
        entry = self._entry(token)
        self.penalty[entry] = self._repetition
        self._counts[entry] += 1
        subtracted = self._presence + self._frequency * np.float32(self._counts[entry])
        self.shift[entry] = float(np.float32(self._bias.get(token, 0.0)) - subtracted)

    def _entry(self, token: int) -> int:
        """The index of a token's entry, a new one if it has none."""
        entry = self._index.setdefault(token, len(self.ids))
        if entry == len(self.ids):
            self.ids.append(token)
            self.penalty.append(1.0)
            self.shift.append(self._bias.get(token, 0.0))
            self._counts.append(0)
        return entry


def join_adjustments(texts: Sequence[TextAdjustments | None], device: torch.device) -> Adjustments | None:
    """The adjustments of a batch of texts; None where there are none."""
    width = max((len(text) for text in texts if text), default=0)
    if not width:
        return None
    ids = np.zeros((len(texts), width), np.int64)
    penalty, shift = np.ones(ids.shape, np.float32), np.zeros(ids.shape, np.float32)
    for row, text in enumerate(texts):
        if text:
            for array_of_all, values in ((ids, text.ids), (penalty, text.penalty), (shift, text.shift)):
                array_of_all[row, : len(text)] = values
                array_of_all[row, len(text) :] = values[0]  # padded with what is there, to write the same value twice
    return Adjustments(*(torch.from_numpy(array_of_all).to(device) for array_of_all in (ids, penalty, shift)))


def no_adjustments(rows: int) -> Adjustments:
    """Those of a batch in which nothing changes, on the CPU."""
    nothing = torch.empty(rows, 0)
    return Adjustments(nothing.long(), nothing, nothing)
