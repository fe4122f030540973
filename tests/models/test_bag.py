"""Laws of a bag of words: it is a sum, and order is nothing to it."""

import random

import numpy as np
import pytest
import torch

from models.batch import pad
from models.counted.bag_of_words import Bag, BagConfig, contributions, gram_indices
from models.counted.grams import UNSEEN
from models.errors import ConfigError
from models.runtime.counted import BagClassifier
from trainer.tasks.bag_of_words import fit
from trainer.tasks.configs import BaggingConfig

SIZE = 30


def texts_of(labels: int, seed: int = 0) -> tuple[list[list[int]], list[str]]:
    """Of each label's texts half the tokens are its own."""
    generator = random.Random(seed)
    targets = [str(generator.randrange(labels)) for _ in range(300)]
    texts = [[generator.choice((int(label) + 1, generator.randint(10, 29))) for _ in range(8)] for label in targets]
    return texts, targets


def bag(order: int = 3, labels: int = 2) -> Bag:
    return fit(*texts_of(labels), SIZE, BaggingConfig(order=order))


def logits(model: Bag, *texts: list[int]) -> torch.Tensor:
    batch = pad(texts)
    result: torch.Tensor = model(batch.ids, batch.lengths)
    return result


@pytest.mark.parametrize("labels", [2, 3, 5])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_it_learns(order: int, labels: int) -> None:
    texts, targets = texts_of(labels, seed=1)
    right = logits(bag(order, labels), *texts).argmax(dim=1) == torch.tensor([int(label) for label in targets])
    assert right.double().mean() > 0.9


def test_logits_are_sums_of_the_different_grams_weights() -> None:
    model, text = bag(), texts_of(2)[0][0]
    grams: set[tuple[int, ...]] = set()
    for length in (1, 2, 3):
        grams |= {tuple(text[at : at + length]) for at in range(len(text) - length + 1)}
    total = model.bias.clone()
    for gram in grams:
        index = [nodes[-1] for nodes in gram_indices(np.array(gram), model.keys, SIZE)][len(gram) - 1]
        if index != UNSEEN:
            total += torch.from_numpy(model.weights[len(gram) - 1][index])
    torch.testing.assert_close(logits(model, text)[0], total)
    torch.testing.assert_close(logits(model, text, text[:3])[0], total)  # beside another row


def test_shares_sum_to_the_logits() -> None:
    model = bag()
    runtime = BagClassifier(model)
    batch = pad([[1, 1, 2, 12, 13, 1, 1], [14], [2, 1, 2, 1, 2]])
    result, shares = runtime.classify(batch, explain=True)
    assert shares is not None
    torch.testing.assert_close(shares.sum(dim=1) + runtime.bias, result)
    assert not shares[~batch.mask].any()
    assert contributions(np.array([14]), model.keys, model.weights, SIZE).shape == (1, 2)


def test_single_words_know_no_order_and_pairs_do() -> None:
    generator = random.Random(2)
    texts, labels = [], []
    for _ in range(400):  # a before b, or b before a: alone, neither says anything
        first, second = generator.sample((1, 2), 2)
        texts.append([generator.randint(10, 29), first, second, generator.randint(10, 29)])
        labels.append("a" if first == 1 else "b")
    accuracies = {}
    for order in (1, 2):
        model = fit(texts, labels, SIZE, BaggingConfig(order=order))
        targets = torch.tensor([label == "b" for label in labels])
        accuracies[order] = float((logits(model, *texts).argmax(dim=1) == targets).double().mean())
        left, right = logits(model, texts[0], texts[0][::-1])
        assert torch.equal(left, right) == (order == 1)
    assert accuracies[1] < 0.65
    assert accuracies[2] == 1.0


def test_rare_groups_have_no_weight() -> None:
    texts = [[1, 5, 6], [2, 5, 6], [1, 7, 8], [2, 9]]
    model = fit(texts, ["a", "b", "a", "b"], SIZE, BaggingConfig(order=2, min_df=2))
    assert model.config.grams == (1,)  # 5 6
    assert not model.weights[0][7:10].any()
    assert model.weights[0][[1, 2]].all()
    assert fit(texts, ["a", "b", "a", "b"], SIZE, BaggingConfig(order=2, min_df=1)).config.grams == (6,)


def test_nonsense() -> None:
    with pytest.raises(ConfigError, match="must be two or more different labels"):
        fit([[1], [2]], ["a", "a"], SIZE, BaggingConfig())
    for make in (lambda: BagConfig(9, ("a",)), lambda: BagConfig(9, ("a", "b"), 2), lambda: BaggingConfig(order=9)):
        with pytest.raises(ConfigError):
            make()
