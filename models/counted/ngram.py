"""Counting words: n-grams as they are counted by hand, and as Kneser and Ney smooth them.

The tables are sorted arrays. A gram of k tokens has the key `context * V + token`, where its context, the gram of
its first k - 1 tokens, goes by its place in the table before; of one token, the place is the token itself. All that
need be known of a text are so the places of its last 1, 2, … n - 1 tokens, -1 where they were never seen together:
its nodes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.config import Choice, Config, Range
from models.errors import ConfigError, DataError
from models.model import Model

METHODS = ("kneser-ney", "maximum-likelihood")
UNSEEN = -1
Ids = NDArray[np.int64]
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
    """The grams of one length: keys (G,) in order, their probabilities less what smoothing takes (G,), and of each
    context (C,) the weight of what shorter contexts say."""

    keys: NDArray[np.int64]
    discounted: NDArray[np.float32]
    backoff: NDArray[np.float32]


class Ngram(Model):
    """An n-gram model. Its tables are buffers, so that it is saved and moved as other models are.

    kneser-ney: interpolated and modified (Chen and Goodman 1999, section 3). What follows the beginning of a text
    by less than n tokens is counted as often as it occurs, as SRILM and KenLM do: nothing can stand to the left of it.

    maximum-likelihood: what followed the longest context that was seen, each as often as it did.

    Texts are given as one stream of ids (N,), the end token first and after each text; no context reaches back over it.
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
        """Count a stream of texts. Raises DataError where it holds none."""
        if len(stream) < 2:
            raise DataError("there is nothing to count")
        counted = _count(stream, _begins(stream, end_id), order, vocabulary, method)
        grams = tuple(len(level.keys) for level in counted[1:])
        model = cls(NgramConfig(vocabulary, order, method, grams))
        contexts, smooth = 1, method == METHODS[0]
        for length, level in enumerate(counted, 1):
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

        Infinite where maximum likelihood has never seen the like.
        """
        wanted, before = stream[1:], stream[:-1]
        probability: Reals = self.unigram.numpy()[wanted].astype(np.float64)
        contexts = before  # the node of the last token
        for table in self.tables():
            nodes = find(table.keys, contexts, wanted, self.config.vocabulary)
            probability = _interpolate(table, contexts, nodes, probability)
            contexts = np.concatenate([[UNSEEN], nodes[:-1]])
            contexts[before == end_id] = UNSEEN
        with np.errstate(divide="ignore"):
            losses: Reals = -np.log(probability)
        return losses


def advance(tables: Sequence[_Table], nodes: Ids, ids: Ids, vocabulary: int) -> Ids:
    """The nodes (B, n - 1) of texts that had others, after one more id of each, (B,)."""
    after = np.full_like(nodes, UNSEEN)
    if nodes.shape[1]:
        after[:, 0] = ids
    for place, table in enumerate(tables[:-1]):
        after[:, place + 1] = find(table.keys, nodes[:, place], ids, vocabulary)
    return after


def distribution(unigram: NDArray[np.float32], tables: Sequence[_Table], nodes: Ids) -> NDArray[np.float32]:
    """The probabilities (V,) of what comes next after nodes (n - 1,)."""
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


def _begins(stream: Ids, end_id: int) -> Ids:
    """Of every id of a stream, where the end token before its text stands; of the first, its own place."""
    ends = np.where(stream == end_id, np.arange(len(stream)), 0)
    return np.concatenate([[0], np.maximum.accumulate(ends)[:-1]])


def find(keys: Ids, contexts: Ids, ids: Ids, vocabulary: int) -> Ids:
    """Where the grams of contexts and ids, (N,) each, stand among keys; UNSEEN where they don't."""
    wanted = contexts * vocabulary + ids
    places = np.searchsorted(keys, wanted)
    places[places == len(keys)] = 0
    seen = (contexts != UNSEEN) & (len(keys) > 0)
    if len(keys):
        seen &= keys[places] == wanted
    found: Ids = np.where(seen, places, UNSEEN)
    return found


def _interpolate(table: _Table, contexts: Ids, nodes: Ids, shorter: Reals) -> Reals:
    """Probabilities (N,) with one more token of context than `shorter` had."""
    known = contexts != UNSEEN
    weight = np.where(known, table.backoff[np.where(known, contexts, 0)], 1.0)
    own = (
        np.where(nodes != UNSEEN, table.discounted[np.where(nodes != UNSEEN, nodes, 0)], 0.0)
        if len(table.keys)
        else 0.0
    )
    return own + weight * shorter


@dataclass(frozen=True)
class _Counts:
    """Of the grams of one length, by key: how often each counts."""

    keys: Ids
    counts: Ids

    def table(self, contexts: int, vocabulary: int, smooth: bool) -> _Table:
        """Probabilities of the counts. A context that nothing follows leaves all to shorter ones."""
        context = self.keys // vocabulary
        totals = np.bincount(context, self.counts, minlength=contexts)
        taken = _discounts(self.counts)[np.minimum(self.counts, 3)] if smooth else np.zeros(len(self.keys))
        reserved = np.bincount(context, taken, minlength=contexts)
        followed = np.maximum(totals, 1)
        backoff = np.where(totals > 0, reserved / followed, 1.0)
        discounted = (self.counts - taken) / followed[context]
        return _Table(self.keys, discounted.astype(np.float32), backoff.astype(np.float32))


def _count(ids: Ids, begins: Ids, order: int, vocabulary: int, method: str) -> list[_Counts]:
    """The grams of 1, 2, … order tokens, each inside a text and its ends, and none of them the first end alone."""
    places = np.arange(len(ids))
    ends = places > begins  # where grams end
    levels: list[_Counts] = []
    occurrences: list[tuple[Ids, Ids]] = []  # of each length: node at each place, and where each gram is first
    contexts = np.zeros(len(ids), np.int64)
    for length in range(1, order + 1):
        valid = ends & (places - length + 1 >= begins)
        keys, first, inverse, counts = np.unique(
            contexts[valid] * vocabulary + ids[valid], return_index=True, return_inverse=True, return_counts=True
        )
        nodes = np.full(len(ids), UNSEEN)
        nodes[valid] = inverse
        levels.append(_Counts(keys, counts))
        occurrences.append((nodes, places[valid][first]))
        grams = ids if length == 1 else nodes  # a gram of one token goes by the token, the first end too
        contexts = np.concatenate([[UNSEEN], grams[:-1]])
    if method == METHODS[0]:
        for length in range(order - 1, 0, -1):  # any but the longest count the different tokens to the left of them
            own, _ = occurrences[length - 1]
            _, longer = occurrences[length]
            beginning = own[ends & (places - length + 1 == begins)]
            size = len(levels[length - 1].keys)
            found = np.bincount(own[longer], minlength=size) + np.bincount(beginning, minlength=size)
            levels[length - 1] = _Counts(levels[length - 1].keys, found)
    return levels


def _discounts(counts: Ids) -> Reals:
    """What is taken from counts of 0, 1, 2, and 3 or more, from how many grams have each count.

    One discount for all where a small text lacks a count that the formulas divide by.
    """
    once, twice, thrice, more = (int((counts == count).sum()) for count in (1, 2, 3, 4))
    share = once / (once + 2 * twice) if once else 0.5
    if not (once and twice and thrice):
        return np.array([0.0, share, share, share])
    found = (1 - 2 * share * twice / once, 2 - 3 * share * thrice / twice, 3 - 4 * share * more / thrice)
    return np.array([0.0, *(min(max(value, 0.0), float(count)) for count, value in enumerate(found, 1))])
