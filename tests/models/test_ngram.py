import math
from collections import Counter
from itertools import product

import numpy as np
import pytest

from models.counted.grams import UNSEEN
from models.counted.ngram import Ngram, advance, distribution
from models.errors import DataError


def stream(documents: list[list[int]]) -> np.ndarray:
    return np.array([END, *(token for document in documents for token in (*document, END))])


SIZE, END = 6, 0
DOCUMENTS = [[1, 2, 3, 1, 4], [1, 2, 4], [3, 3, 1, 2]]
LONGER = [[1, 2, 3, 1, 4] * 2, [1, 2, 4, 5], [3, 3, 1, 2, 5, 1, 2, 3], [5, 3, 1, 2, 3, 4, 4], [2, 2, 1, 5, 3, 1]]


def after(model: Ngram, history: tuple[int, ...]) -> np.ndarray:
    """The probabilities (V,) after some ids, whatever was before them."""
    tables = model.tables()
    nodes = np.full((1, len(tables)), UNSEEN)
    for token in history:
        nodes = advance(tables, nodes, np.array([token]), SIZE)
    return distribution(model.unigram.numpy(), tables, nodes[0])


def slow(documents: list[list[int]], order: int, history: tuple[int, ...], token: int) -> float:
    """Chen and Goodman's recursion as it is written, from counts in dictionaries."""

    def grams(length: int) -> Counter[tuple[int, ...]]:
        ids = [(END, *document, END) for document in documents]
        return Counter(
            text[end - length + 1 : end + 1] for text in ids for end in range(1, len(text)) if end - length >= -1
        )

    def counts(length: int) -> Counter[tuple[int, ...]]:
        if length == order:
            return grams(length)
        counted = Counter(gram[1:] for gram in grams(length + 1))
        counted.update(
            (END, *document, END)[:length] for document in documents if length > 1 and len(document) + 2 >= length
        )
        return counted

    def discounts(values: list[int]) -> list[float]:
        once, twice, thrice, more = (values.count(count) for count in (1, 2, 3, 4))
        share = once / (once + 2 * twice) if once else 0.5
        if not (once and twice and thrice):
            return [0.0, share, share, share]
        raw = [1 - 2 * share * twice / once, 2 - 3 * share * thrice / twice, 3 - 4 * share * more / thrice]
        return [0.0, *(min(max(value, 0.0), count) for count, value in enumerate(raw, 1))]

    def probability(length: int) -> float:
        if length == 0:
            return 1 / SIZE
        context = history[len(history) - length + 1 :] if length > 1 else ()
        table = counts(length)
        taken = discounts(list(table.values()))
        followers = {gram: count for gram, count in table.items() if gram[:-1] == context}
        if not followers:
            return probability(length - 1)
        total, count = sum(followers.values()), followers.get((*context, token), 0)
        reserved = sum(taken[min(count, 3)] for count in followers.values())
        return (count - taken[min(count, 3)] + reserved * probability(length - 1)) / total

    return probability(min(order, len(history) + 1))


@pytest.mark.parametrize("documents", [DOCUMENTS, LONGER])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
class TestKneserNey:
    def test_probabilities_are_the_recursion_as_it_is_written(self, documents: list[list[int]], order: int) -> None:
        model = Ngram.count(stream(documents), order, SIZE, END)
        for history in product(range(SIZE), repeat=order - 1):
            expected = [slow(documents, order, history, token) for token in range(SIZE)]
            assert after(model, history) == pytest.approx(expected, rel=1e-5)

    def test_probabilities_sum_to_one_after_any_history(self, documents: list[list[int]], order: int) -> None:
        model = Ngram.count(stream(documents), order, SIZE, END)
        for history in product(range(SIZE), repeat=order - 1):
            probabilities = after(model, history)
            assert probabilities.min() > 0
            assert probabilities.sum() == pytest.approx(1, abs=1e-6)

    def test_losses_are_those_of_reading_on(self, documents: list[list[int]], order: int) -> None:
        model = Ngram.count(stream(documents), order, SIZE, END)
        others = [[5, 4, 1, 2], [], [1], [2, 2, 3, 1, 2, 4]]
        losses = iter(model.losses(stream(others), END))
        for document in others:
            nodes = np.full((1, order - 1), UNSEEN)
            nodes[:, :1] = END
            for token in (*document, END):
                probability = distribution(model.unigram.numpy(), model.tables(), nodes[0])[token]
                assert next(losses) == pytest.approx(-math.log(probability), rel=1e-5)
                nodes = advance(model.tables(), nodes, np.array([token]), SIZE)
        assert next(losses, None) is None


class TestMaximumLikelihood:
    def test_it_is_counting(self) -> None:
        model = Ngram.count(stream(DOCUMENTS), 2, SIZE, END, "maximum-likelihood")
        # after a 1 came 2 three times, and 4 once
        assert after(model, (1,)) == pytest.approx([0, 0, 3 / 4, 0, 1 / 4, 0])
        assert after(model, (5,)) == pytest.approx(after(model, ()))  # nothing ever followed it
        assert math.isinf(model.losses(stream([[5]]), END)[0])

    def test_longer_contexts(self) -> None:
        model = Ngram.count(stream(DOCUMENTS), 3, SIZE, END, "maximum-likelihood")
        assert after(model, (1, 2)) == pytest.approx([1 / 3, 0, 0, 1 / 3, 1 / 3, 0])
        assert after(model, (4, 3)) == pytest.approx(after(model, (3,)))  # the longest context that was seen


def test_more_context_fits_better() -> None:
    losses = [
        Ngram.count(stream(DOCUMENTS), order, SIZE, END).losses(stream(DOCUMENTS), END).sum() for order in (1, 2, 3)
    ]
    assert losses == sorted(losses, reverse=True)


def test_nothing_to_count() -> None:
    with pytest.raises(DataError, match="nothing to count"):
        Ngram.count(stream([]), 3, SIZE, END)
