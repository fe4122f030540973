"""The runtimes of counted models: an n-gram as a language model, a bag of words as a classifier. Both on the CPU."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from models.batch import Batch
from models.counted.bag_of_words import Bag, contributions
from models.counted.grams import UNSEEN
from models.counted.ngram import Ngram, advance, distribution
from models.runtime.interface import MIN_PROBABILITY, SampleByStep
from models.runtime.state import State


class NgramLanguage(SampleByStep):
    """An Ngram as a LanguageRuntime. Its state is nodes, (B, n - 1) int64: the indices of the last n - 1 tokens."""

    precision = "float32"
    exact = True
    has_zeros = True

    def __init__(self, model: Ngram) -> None:
        model = model.to("cpu")
        self.device = torch.device("cpu")
        self.vocabulary = model.config.vocabulary
        self._context = model.config.order - 1
        self._unigram, self._tables = model.unigram.numpy(), model.tables()

    def start(self, rows: int) -> State:
        return State((torch.full((rows, self._context), UNSEEN),))

    def prefill(self, texts: Sequence[Tensor], state: State) -> State:
        nodes = state.tensors[0].numpy().copy()
        for row, ids in enumerate(texts):
            row_nodes = nodes[row : row + 1]
            for token in ids[max(0, len(ids) - self._context) :].numpy():  # earlier tokens are out of its context
                row_nodes = advance(self._tables, row_nodes, token[None], self.vocabulary)
            nodes[row] = row_nodes[0]
        return State((torch.from_numpy(nodes),))

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        nodes = advance(self._tables, state.tensors[0].numpy(), ids.numpy(), self.vocabulary)
        probabilities = np.stack([distribution(self._unigram, self._tables, row) for row in nodes])  # (B, V)
        logits = np.log(np.maximum(probabilities, MIN_PROBABILITY))
        return torch.from_numpy(logits), State((torch.from_numpy(nodes),))


class BagClassifier:
    """A Bag as a ClassifierRuntime."""

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
