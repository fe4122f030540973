"""A classifier whose LSTM runs in int8."""

import torch
from torch import Tensor

from models.batch import Batch
from models.networks.classifier import Classifier
from models.runtime.int8.encoder import Int8Encoder


class Int8Classifier:
    """A Classifier on a CPU: its LSTM in int8, its pooling and head in float32. Texts are never padded."""

    precision = "int8"
    exact = True
    device = torch.device("cpu")

    def __init__(self, model: Classifier, threads: int = 0) -> None:
        self._model = model
        self.bias: Tensor = model.head.bias
        self._encoder = Int8Encoder(model.lstm, model.embedding.weight, model.config.hidden, threads, model.head)

    def classify(self, batch: Batch, explain: bool) -> tuple[Tensor, Tensor | None]:
        texts = [ids[:length] for ids, length in zip(batch.ids, batch.lengths.tolist(), strict=True)]
        if not explain:
            return self._encoder.logits(texts), None
        results = [
            self._model.contributions(hidden.unsqueeze(0), torch.tensor([len(hidden)]))
            for hidden in self._encoder.hidden_states(texts)
        ]
        shares = torch.nn.utils.rnn.pad_sequence([share[0] for _, share in results], batch_first=True)  # (B, T, C)
        return torch.cat([logits for logits, _ in results]), shares
