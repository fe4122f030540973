"""N-gram language models: maximum likelihood, and modified Kneser-Ney smoothing.

The grams are in tables as of `models.counted.grams`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.config import Choice, Config, Range
from models.counted.grams import UNSEEN, Ids, contexts_of, find_grams, walk
from models.errors import ConfigError, DataError
from models.model import Model

METHODS = ("kneser-ney", "maximum-likelihood")
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class NgramConfig(Config):
    """The order n, how counts become probabilities, and how many grams of 2, 3, … n tokens there are."""

    vocabulary: Annotated[int, Range(2, 1_000_000)]
    order: Annotated[int, Range(1, 10)] = 5
    method: Annotated[str, Choice(METHODS)] = "kneser-ney"
    grams: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "grams", tuple(self.grams))
        super().__post_init__()
        if len(self.grams) != self.order - 1 or any(count < 0 for count in self.grams):
            raise ConfigError(f"NgramConfig.grams is {self.grams!r}; it must be {self.order - 1} sizes")


class _Table(NamedTuple):
    """The grams of one length: their sorted keys (G,), their discounted probabilities (G,), and the backoff weight
    of each context (C,), by which the probabilities of shorter contexts are multiplied."""

    keys: NDArray[np.int64]
    discounted: NDArray[np.float32]
    backoff: NDArray[np.float32]


class Ngram(Model):
    """An n-gram model. Its tables are buffers, so that it is saved and moved as other models are.

    kneser-ney: interpolated and modified (Chen and Goodman 1999, section 3). A gram at the beginning of a text
    counts as often as it occurs, as in SRILM and KenLM, because no token stands to the left of it to be counted.

    maximum-likelihood: the relative frequencies after the longest context that was seen.

    Texts come as one stream of ids (N,), the end token first and after each text; no context reaches back over it.
    """

    config: NgramConfig
    unigram: Tensor

    def __init__(self, config: NgramConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("unigram", torch.zeros(config.vocabulary))
        contexts = config.vocabulary
        for length, count in enumerate(config.grams, 2):
            self.register_buffer(f"keys_{length}", torch.zeros(count, dtype=torch.int64))
            self.register_buffer(f"discounted_{length}", torch.zeros(count))
            self.register_buffer(f"backoff_{length}", torch.ones(contexts))
            contexts = count

    @classmethod
    def count(cls, stream: Ids, order: int, vocabulary: int, end_id: int, method: str = METHODS[0]) -> "Ngram":
        """Count a stream of texts. Raises DataError for an empty one."""
        if len(stream) < 2:
            raise DataError("there is nothing to count")
        levels = _count(stream, _text_starts(stream, end_id), order, vocabulary, method)
        grams = tuple(len(level.keys) for level in levels[1:])
        model = cls(NgramConfig(vocabulary, order, method, grams))
        contexts, smooth = 1, method == METHODS[0]
        for length, level in enumerate(levels, 1):
            table = level.table(contexts, vocabulary, smooth)
            if length == 1:
                unigram = np.full(vocabulary, table.backoff[0] / vocabulary if smooth else 0.0)
                unigram[table.keys] += table.discounted
                model.unigram.copy_(torch.from_numpy(unigram))
                contexts = vocabulary
                continue
            for name, values in table._asdict().items():
                getattr(model, f"{name}_{length}").copy_(torch.from_numpy(values))
            contexts = len(table.keys)
        return model

    def tables(self) -> list[_Table]:
        """Those of grams of 2, 3, … n tokens, as arrays that share the buffers' memory."""
        names = _Table._fields
        lengths = range(2, self.config.order + 1)
        return [_Table(*(getattr(self, f"{name}_{length}").numpy() for name in names)) for length in lengths]

    def losses(self, stream: Ids, end_id: int) -> Reals:
        """The negative log-likelihood, in nats, of every id of a stream after its first, (N - 1,).

        Infinite where maximum likelihood assigns zero probability.
        """
        probability: Reals = self.unigram.numpy()[stream].astype(np.float64)
        tables = self.tables()
        levels = walk([table.keys for table in tables], stream, self.config.vocabulary, end_id)
        for table, (contexts, nodes) in zip(tables, levels, strict=True):
            probability = _interpolate(table, contexts, nodes, probability)
        with np.errstate(divide="ignore"):
            losses: Reals = -np.log(probability[1:])
        return losses


def advance(tables: Sequence[_Table], nodes: Ids, ids: Ids, vocabulary: int) -> Ids:
    """The nodes (B, n - 1) of texts after one more id of each, (B,), from those before it."""
    after = np.full_like(nodes, UNSEEN)
    if nodes.shape[1]:
        after[:, 0] = ids
    for index, table in enumerate(tables[:-1]):
        after[:, index + 1] = find_grams(table.keys, nodes[:, index], ids, vocabulary)
    return after


def distribution(unigram: NDArray[np.float32], tables: Sequence[_Table], nodes: Ids) -> NDArray[np.float32]:
    """The probabilities (V,) of the next token after nodes (n - 1,)."""
    vocabulary = len(unigram)
    probability = unigram.copy()
    for table, node in zip(tables, nodes.tolist(), strict=True):
        if node == UNSEEN:
            break
        begin, end = np.searchsorted(table.keys, (node * vocabulary, (node + 1) * vocabulary))
        if begin < end:
            probability *= table.backoff[node]
            probability[table.keys[begin:end] - node * vocabulary] += table.discounted[begin:end]
    return probability


def _text_starts(stream: Ids, end_id: int) -> Ids:
    """Of every id of a stream, the index of the end token before its text; of the first, its own index."""
    ends = np.where(stream == end_id, np.arange(len(stream)), 0)
    return np.concatenate([[0], np.maximum.accumulate(ends)[:-1]])


def _interpolate(table: _Table, contexts: Ids, nodes: Ids, shorter: Reals) -> Reals:
    """Probabilities (N,) with one more token of context than `shorter` (N,) has."""
    known = contexts != UNSEEN
    weight = np.where(known, table.backoff[np.where(known, contexts, 0)], 1.0)
    if not len(table.keys):
        return weight * shorter
    seen = nodes != UNSEEN
    return np.where(seen, table.discounted[np.where(seen, nodes, 0)], 0.0) + weight * shorter


@dataclass(frozen=True)
class _Counts:
    """The grams of one length, by key (G,), and their counts (G,)."""

    keys: Ids
    counts: Ids

    def table(self, contexts: int, vocabulary: int, smooth: bool) -> _Table:
        """Probabilities of the counts. A context that nothing follows leaves all its mass to shorter ones."""
        context = self.keys // vocabulary
        totals = np.bincount(context, self.counts, minlength=contexts)
        discounts = _discounts(self.counts)[np.minimum(self.counts, 3)] if smooth else np.zeros(len(self.keys))
        reserved = np.bincount(context, discounts, minlength=contexts)
        divisors = np.maximum(totals, 1)
        backoff = np.where(totals > 0, reserved / divisors, 1.0)
        discounted = (self.counts - discounts) / divisors[context]
        return _Table(self.keys, discounted.astype(np.float32), backoff.astype(np.float32))


def _count(ids: Ids, starts: Ids, order: int, vocabulary: int, method: str) -> list[_Counts]:
    """The grams of 1, 2, … order tokens, each inside a text and its end tokens, and none of them the first end alone.

    starts is as of `_text_starts`.
    """
    positions = np.arange(len(ids))
    counted = positions > starts  # positions at which grams may end
    levels: list[_Counts] = []
    occurrences: list[tuple[Ids, Ids]] = []  # of each length: the node at each position, and each gram's first position
    contexts = np.zeros(len(ids), np.int64)
    for length in range(1, order + 1):
        valid = counted & (positions - length + 1 >= starts)
        keys, first, inverse, counts = np.unique(
            contexts[valid] * vocabulary + ids[valid], return_index=True, return_inverse=True, return_counts=True
        )
        nodes = np.full(len(ids), UNSEEN)
        nodes[valid] = inverse
        levels.append(_Counts(keys, counts))
        occurrences.append((nodes, positions[valid][first]))
        contexts = contexts_of(ids if length == 1 else nodes)  # the node of a single token is its id
    if method == METHODS[0]:
        for length in range(order - 1, 0, -1):
            # Kneser-Ney: shorter grams count the different tokens that precede them, not their occurrences
            nodes, _ = occurrences[length - 1]
            _, longer = occurrences[length]
            at_start = nodes[counted & (positions - length + 1 == starts)]
            size = len(levels[length - 1].keys)
            continuations = np.bincount(nodes[longer], minlength=size) + np.bincount(at_start, minlength=size)
            levels[length - 1] = _Counts(levels[length - 1].keys, continuations)
    return levels


def _discounts(counts: Ids) -> Reals:
    """The discounts of counts of 0, 1, 2, and 3 or more, estimated from how many grams have each count.

    One discount for all where a small text lacks a count that the formulas divide by.
    """
    once, twice, thrice, more = (int((counts == count).sum()) for count in (1, 2, 3, 4))
    share = once / (once + 2 * twice) if once else 0.5
    if not (once and twice and thrice):
        return np.array([0.0, share, share, share])
    estimates = (1 - 2 * share * twice / once, 2 - 3 * share * thrice / twice, 3 - 4 * share * more / thrice)
    return np.array([0.0, *(min(max(value, 0.0), float(count)) for count, value in enumerate(estimates, 1))])
