"""The yardstick for a language model: an interpolated Kneser-Ney n-gram over the same tokens."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

Gram = tuple[int, ...]


class KneserNey:
    """Interpolated Kneser-Ney with one discount per order (Chen and Goodman 1999, section 2.7).

    Each document is read with `order - 1` end tokens before it and one after it. The discount of an
    order is n1 / (n1 + 2 n2), from the numbers of its grams seen once and twice.
    """

    def __init__(self, documents: Iterable[Sequence[int]], order: int, vocabulary: int, end_id: int) -> None:
        self.order, self.vocabulary, self.end_id = order, vocabulary, end_id
        counts: Counter[Gram] = Counter()
        for document in documents:
            counts.update(self._grams(document))
        self.levels = [_Level(counts)]
        for _ in range(order - 1):
            # A shorter gram counts as often as there are different words to the left of it.
            counts = Counter(gram[1:] for gram in counts)
            self.levels.append(_Level(counts))
        self.levels.reverse()  # from 1-grams to n-grams

    def probability(self, gram: Gram) -> float:
        """Of the last id of gram, (order,) ids, after those before it."""
        result = 1.0 / self.vocabulary
        for length, level in enumerate(self.levels, 1):
            history = gram[self.order - length : -1]
            total = level.totals.get(history, 0)
            if not total:
                break  # nothing longer was seen either
            count = level.counts.get(gram[self.order - length :], 0)
            reserved = level.discount * level.followers[history] / total
            result = max(count - level.discount, 0.0) / total + reserved * result
        return result

    def negative_log_likelihood(self, documents: Iterable[Sequence[int]]) -> float:
        """In nats, of all ids of documents and their ends."""
        return -sum(math.log(self.probability(gram)) for document in documents for gram in self._grams(document))

    def _grams(self, document: Sequence[int]) -> Iterable[Gram]:
        ids = (*[self.end_id] * (self.order - 1), *document, self.end_id)
        return (ids[index : index + self.order] for index in range(len(document) + 1))


class _Level:
    """Counts of the grams of one length; totals and numbers of different followers of each history."""

    def __init__(self, counts: Counter[Gram]) -> None:
        self.counts = counts
        self.totals: Counter[Gram] = Counter()
        self.followers: Counter[Gram] = Counter()
        for gram, count in counts.items():
            self.totals[gram[:-1]] += count
            self.followers[gram[:-1]] += 1
        once = sum(count == 1 for count in counts.values())
        twice = sum(count == 2 for count in counts.values())
        self.discount = once / (once + 2 * twice) if once else 0.5
