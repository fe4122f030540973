"""An n-gram as a runtime of the language models: what it remembers of a text is the place of its last tokens."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from models.counted.ngram import UNSEEN, Ngram, advance, distribution
from models.runtime.state import State
from models.sampling import Draw, draw

LEAST = 1e-30
"""Stands for a probability of 0, whose logarithm would be infinite."""


class NgramLanguage:
    """An Ngram on the CPU. Its state is nodes, (B, n - 1) int64."""

    precision = "float32"
    exact = True

    def __init__(self, model: Ngram) -> None:
        model = model.to("cpu")
        self.device = torch.device("cpu")
        self.vocabulary = model.config.vocabulary
        self._depth = model.config.order - 1
        self._unigram, self._tables = model.unigram.numpy(), model.tables()

    def start(self, rows: int) -> State:
        return State((torch.full((rows, self._depth), UNSEEN),))

    def prefill(self, texts: Sequence[Tensor], state: State) -> State:
        nodes = state.tensors[0].numpy().copy()
        for row, ids in enumerate(texts):
            own = nodes[row : row + 1]
            for token in ids[max(0, len(ids) - self._depth) :].numpy():  # nothing before them counts
                own = advance(self._tables, own, token[None], self.vocabulary)
            nodes[row] = own[0]
        return State((torch.from_numpy(nodes),))

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        nodes = advance(self._tables, state.tensors[0].numpy(), ids.numpy(), self.vocabulary)
        probabilities = np.stack([distribution(self._unigram, self._tables, row) for row in nodes])  # (B, V)
        logits = np.log(np.maximum(probabilities, LEAST))
        return torch.from_numpy(logits), State((torch.from_numpy(nodes),))

    def draw(self, ids: Tensor, state: State, how: Draw, scored: bool) -> tuple[Tensor, Tensor | None, State]:
        logits, after = self.step(ids, state)
        return draw(logits, how), logits if scored else None, after
