import math
from collections import Counter
from itertools import product

import pytest

from models.training.scores.ngram import KneserNey

DOCUMENTS = [[1, 2, 3, 1, 4], [1, 2, 4], [3, 3, 1, 2]]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_probabilities_sum_to_one_after_any_history(order: int) -> None:
    model = KneserNey(DOCUMENTS, order, vocabulary=6, end_id=0)
    for history in product(range(6), repeat=order - 1):
        assert math.isclose(sum(model.probability((*history, word)) for word in range(6)), 1.0)


def test_bigrams_by_hand() -> None:
    """P(2 | 1) with the discount D = n1 / (n1 + 2 n2), and continuation counts below."""
    model = KneserNey(DOCUMENTS, 2, vocabulary=6, end_id=0)
    bigrams = Counter(
        pair for document in DOCUMENTS for pair in zip([0, *document], [*document, 0], strict=True)
    )  # fmt: skip
    once, twice = (sum(count == wanted for count in bigrams.values()) for wanted in (1, 2))
    discount = once / (once + 2 * twice)
    lower = model.levels[0]
    kinds = sum(pair[1] == 2 for pair in bigrams)  # different words before a 2
    assert lower.counts[(2,)] == kinds
    below = (max(kinds - lower.discount, 0) + lower.discount * len(lower.counts) / 6) / len(bigrams)
    starts = [pair for pair in bigrams if pair[0] == 1]
    total = sum(bigrams[pair] for pair in starts)
    expected = (bigrams[1, 2] - discount + discount * len(starts) * below) / total
    assert model.probability((1, 2)) == pytest.approx(expected)


def test_more_context_fits_better() -> None:
    losses = [KneserNey(DOCUMENTS, order, 6, 0).negative_log_likelihood(DOCUMENTS) for order in (1, 2, 3)]
    assert losses == sorted(losses, reverse=True)
