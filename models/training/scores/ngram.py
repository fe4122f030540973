"""The yardstick for a language model: an interpolated Kneser-Ney n-gram over the same tokens."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

Gram = tuple[int, ...]


class KneserNey:
    """Interpolated modified Kneser-Ney (Chen and Goodman 1999, section 3).

    Each document stands between two end tokens. What follows its beginning by less than `order`
    words is counted as often as it occurs, as SRILM and KenLM do: nothing can stand to the left of it.
    """

    def __init__(self, documents: Iterable[Sequence[int]], order: int, vocabulary: int, end_id: int) -> None:
        self.order, self.vocabulary, self.end_id = order, vocabulary, end_id
        seen: list[Counter[Gram]] = [Counter() for _ in range(order)]  # by length; shorter ones begin a document
        for document in documents:
            for gram in self._grams(document):
                seen[len(gram) - 1][gram] += 1
        self.levels = [_Level(seen[-1])]
        for counts in reversed(seen[:-1]):
            # Any other gram counts as often as there are different words to the left of it.
            counts.update(gram[1:] for gram in self.levels[-1].counts)
            self.levels.append(_Level(counts))
        self.levels.reverse()  # from 1-grams to n-grams

    def probability(self, gram: Gram) -> float:
        """Of the last id of gram, at most order ids, after those before it."""
        result = 1.0 / self.vocabulary
        for length, level in enumerate(self.levels[: len(gram)], 1):
            history = gram[-length:-1]
            total = level.totals.get(history, 0)
            if not total:
                break  # nothing longer was seen either
            count = level.counts.get(gram[-length:], 0)
            result = (count - level.discount(count) + level.reserved[history] * result) / total
        return result

    def negative_log_likelihood(self, documents: Iterable[Sequence[int]]) -> float:
        """In nats, of all ids of documents and their ends."""
        return -sum(math.log(self.probability(gram)) for document in documents for gram in self._grams(document))

    def _grams(self, document: Sequence[int]) -> Iterable[Gram]:
        ids = (self.end_id, *document, self.end_id)
        return (ids[max(0, index + 1 - self.order) : index + 1] for index in range(1, len(ids)))


class _Level:
    """Counts of the grams of one length; of each history the total, and how much of it the discounts reserve."""

    def __init__(self, counts: Counter[Gram]) -> None:
        self.counts = counts
        self.discounts = _discounts(Counter(counts.values()))
        self.totals: Counter[Gram] = Counter()
        self.reserved: dict[Gram, float] = {}
        for gram, count in counts.items():
            history = gram[:-1]
            self.totals[history] += count
            self.reserved[history] = self.reserved.get(history, 0.0) + self.discount(count)

    def discount(self, count: int) -> float:
        """What is taken from so large a count."""
        return self.discounts[min(count, len(self.discounts) - 1)]


def _discounts(occurrences: Counter[int]) -> tuple[float, ...]:
    """Of counts 0, 1, 2, and 3 or more, from how many grams have each count.

    One discount for all where a small text lacks a count that the formulas divide by.
    """
    once, twice, thrice, more = (occurrences[count] for count in (1, 2, 3, 4))
    share = once / (once + 2 * twice) if once else 0.5
    if not (once and twice and thrice):
        return 0.0, share
    found = (1 - 2 * share * twice / once, 2 - 3 * share * thrice / twice, 3 - 4 * share * more / thrice)
    return 0.0, *(min(max(value, 0.0), float(count)) for count, value in enumerate(found, 1))
