"""A bag of words: which words a text has, whatever their order; or which groups of two, three, … of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.config import Config, Range
from models.counted.grams import UNSEEN, Ids, walk
from models.errors import ConfigError
from models.model import Model

Floats = NDArray[np.float32]

MAX_ORDER = 5


@dataclass(frozen=True)
class BagConfig(Config):
    """The labels, the longest grams (1: single words), and how many grams of 2, 3, … tokens have a weight."""

    vocabulary: Annotated[int, Range(2, 1_000_000)]
    labels: tuple[str, ...]
    order: Annotated[int, Range(1, MAX_ORDER)] = 1
    grams: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(self.labels))
        object.__setattr__(self, "grams", tuple(self.grams))
        if len(self.labels) < 2 or len(set(self.labels)) != len(self.labels):
            raise ConfigError(f"BagConfig.labels is {self.labels!r}; it must be two or more different labels")
        super().__post_init__()
        if len(self.grams) != self.order - 1 or any(count < 0 for count in self.grams):
            raise ConfigError(f"BagConfig.grams is {self.grams!r}; it must be {self.order - 1} sizes")


class Bag(Model):
    """A linear classifier whose features are binary: whether a text has a gram, not how often.

    Trained as logistic regression on features weighted by naive Bayes (Wang and Manning 2012, ACL P12-2018, who
    have a support vector machine). The grams are in tables as of `models.counted.grams`. All tables are buffers.
    """

    config: BagConfig
    bias: Tensor

    def __init__(self, config: BagConfig) -> None:
        super().__init__()
        self.config = config
        labels = len(config.labels)
        self.register_buffer("bias", torch.zeros(labels))
        self.register_buffer("weights_1", torch.zeros(config.vocabulary, labels))
        for length, count in enumerate(config.grams, 2):
            self.register_buffer(f"keys_{length}", torch.zeros(count, dtype=torch.int64))
            self.register_buffer(f"weights_{length}", torch.zeros(count, labels))

    @property
    def keys(self) -> list[Ids]:
        """The sorted keys of grams of 2, 3, … tokens, sharing the buffers' memory."""
        return [getattr(self, f"keys_{length}").numpy() for length in range(2, self.config.order + 1)]

    @property
    def weights(self) -> list[Floats]:
        """The weights (G, C) of grams of 1, 2, 3, … tokens, sharing the buffers' memory."""
        return [getattr(self, f"weights_{length}").numpy() for length in range(1, self.config.order + 1)]

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Score ids (B, T) with lengths (B,); return logits (B, C)."""
        keys, weights, bias = self.keys, self.weights, self.bias.numpy()
        texts = [row[:length].numpy() for row, length in zip(ids, lengths.tolist(), strict=True)]
        logits = [score(text, keys, weights, bias, self.config.vocabulary) for text in texts]
        return torch.from_numpy(np.stack(logits))


def gram_indices(ids: Ids, keys: Sequence[Ids], vocabulary: int) -> Iterator[Ids]:
    """Of the grams of 1, 2, … tokens, the index in their table of that which ends at each of ids (T,), (T,) each;
    UNSEEN where it is not in the table."""
    yield ids
    for _, nodes in walk(keys, ids, vocabulary):
        yield nodes


def score(ids: Ids, keys: Sequence[Ids], weights: Sequence[Floats], bias: Floats, vocabulary: int) -> Floats:
    """The logits (C,) of a text, ids (T,)."""
    logits = bias.astype(np.float64)
    for nodes, table in zip(gram_indices(ids, keys, vocabulary), weights, strict=True):
        present = np.unique(nodes)
        logits += table[present[present != UNSEEN]].sum(axis=0, dtype=np.float64)
    return logits.astype(np.float32)


def contributions(ids: Ids, keys: Sequence[Ids], weights: Sequence[Floats], vocabulary: int) -> Floats:
    """Each token's share (T, C) of the logits of a text, ids (T,): they sum to the logits less the bias.

    A gram's weight is divided evenly among its occurrences, and at each among its tokens.
    """
    shares = np.zeros((len(ids), weights[0].shape[1]), np.float32)
    for length, (nodes, table) in enumerate(zip(gram_indices(ids, keys, vocabulary), weights, strict=True), 1):
        seen = nodes != UNSEEN
        _, inverse, counts = np.unique(nodes[seen], return_inverse=True, return_counts=True)
        share = table[nodes[seen]] / (counts[inverse] * length)[:, None]  # (G, C)
        ends = seen.nonzero()[0]
        for offset in range(length):
            shares[ends - offset] += share
    return shares
