"""A bag of words as a runtime of the classifiers."""

import torch
from torch import Tensor

from models.batch import Batch
from models.counted.bag_of_words import Bag, contributions


class BagClassifier:
    """A Bag on the CPU."""

    precision = "float32"
    exact = True
    device = torch.device("cpu")

    def __init__(self, model: Bag) -> None:
        self._model = model.to("cpu")
        self.bias = self._model.bias

    def classify(self, batch: Batch, explain: bool) -> tuple[Tensor, Tensor | None]:
        model = self._model
        logits = model(batch.ids, batch.lengths)
        if not explain:
            return logits, None
        shares = [
            torch.from_numpy(contributions(ids[:length].numpy(), model.keys, model.weights, model.config.vocabulary))
            for ids, length in zip(batch.ids, batch.lengths.tolist(), strict=True)
        ]
        return logits, torch.nn.utils.rnn.pad_sequence(shares, batch_first=True)  # (B, T, C)
