import math
from collections import Counter
from itertools import product

import pytest

from models.training.scores.ngram import KneserNey

DOCUMENTS = [[1, 2, 3, 1, 4], [1, 2, 4], [3, 3, 1, 2]]
LONGER = [[1, 2, 3, 1, 4] * 2, [1, 2, 4, 5], [3, 3, 1, 2, 5, 1, 2, 3], [5, 3, 1, 2, 3, 4, 4], [2, 2, 1, 5, 3, 1]]


@pytest.mark.parametrize("documents", [DOCUMENTS, LONGER])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_sum_to_one_after_any_history(documents: list[list[int]], order: int) -> None:
    model = KneserNey(documents, order, vocabulary=6, end_id=0)
    for history in product(range(6), repeat=order - 1):
        probabilities = [model.probability((*history, word)) for word in range(6)]
        assert min(probabilities) > 0
        assert math.isclose(sum(probabilities), 1.0)


def test_bigrams_by_hand() -> None:
    """P(2 | 1) from the counts of bigrams, their three discounts, and continuation counts below."""
    model = KneserNey(DOCUMENTS, 2, vocabulary=6, end_id=0)
    bigrams = Counter(
        pair for document in DOCUMENTS for pair in zip([0, *document], [*document, 0], strict=True)
    )  # fmt: skip
    once, twice, thrice, more = (Counter(bigrams.values())[count] for count in (1, 2, 3, 4))
    share = once / (once + 2 * twice)
    discounts = {1: 1 - 2 * share * twice / once, 2: 2 - 3 * share * thrice / twice, 3: 3 - 4 * share * more / thrice}
    lower = model.levels[0]
    kinds = sum(pair[1] == 2 for pair in bigrams)  # different words before a 2
    assert lower.counts[(2,)] == kinds
    below = (kinds - lower.discount(kinds) + sum(map(lower.discount, lower.counts.values())) / 6) / len(bigrams)
    starts = [count for pair, count in bigrams.items() if pair[0] == 1]
    taken = sum(discounts[min(count, 3)] for count in starts)
    expected = (bigrams[1, 2] - discounts[min(bigrams[1, 2], 3)] + taken * below) / sum(starts)
    assert model.probability((1, 2)) == pytest.approx(expected)


def test_what_begins_a_document_counts_as_often_as_it_does() -> None:
    model = KneserNey(DOCUMENTS, 3, 6, 0)
    assert model.levels[1].counts[0, 1] == 2
    assert model.levels[1].counts[1, 2] == 2  # after the beginning twice, and after a 3


def test_more_context_fits_better() -> None:
    losses = [KneserNey(DOCUMENTS, order, 6, 0).negative_log_likelihood(DOCUMENTS) for order in (1, 2, 3)]
    assert losses == sorted(losses, reverse=True)
