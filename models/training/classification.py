"""Training a classifier on labelled texts."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.batch import pad
from models.classifier import Classifier
from models.config import require_range
from models.runtime.float import FloatClassifier
from models.tokenizer import Tokenizer
from models.training.buckets import bucket
from models.training.metrics import classify_all, score_classes

SHAPE_MULTIPLE = 8


@dataclass(frozen=True)
class ClassificationTaskConfig:
    """How texts are batched."""

    batch_texts: int = 32
    batch_tokens: int = 16_384
    """Padded tokens in a batch, at most."""
    max_tokens: int = 256
    """Of a longer text a window of so many tokens, drawn anew each epoch, is trained on; it is judged on the whole."""
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        require_range(self, "batch_texts", 1, 100_000)
        require_range(self, "batch_tokens", 1, 10_000_000)
        require_range(self, "max_tokens", 1, 100_000)
        require_range(self, "label_smoothing", 0.0, 0.9)


@dataclass(frozen=True)
class WindowBatch:
    """Which texts, and from which token on."""

    texts: tuple[int, ...]
    starts: tuple[int, ...]


class ClassificationTask:
    """Texts and labels; validation accuracy decides."""

    metric = "accuracy"
    unit = "texts"
    higher_is_better = True

    def __init__(
        self,
        model: Classifier,
        tokenizer: Tokenizer,
        train: Sequence[tuple[str, str]],
        valid: Sequence[tuple[str, str]],
        config: ClassificationTaskConfig,
        seed: int,
    ) -> None:
        self.model, self.config, self.seed = model, config, seed
        labels = {label: index for index, label in enumerate(model.config.labels)}
        self.texts = [tokenizer.encode(text) or [tokenizer.end_id] for text, _ in train]
        self.labels = torch.tensor([labels[label] for _, label in train])
        self.lengths = [min(len(text), config.max_tokens) for text in self.texts]
        self.valid_texts = [tokenizer.encode(text) or [tokenizer.end_id] for text, _ in valid]
        self.valid_labels = torch.tensor([labels[label] for _, label in valid])

    def batches(self, epoch: int) -> Sequence[WindowBatch]:
        draw = random.Random(f"windows {self.seed}:{epoch}")
        starts = [draw.randrange(len(text) - length + 1) for text, length in zip(self.texts, self.lengths, strict=True)]
        groups = bucket(self.lengths, self.config.batch_tokens, self.seed, epoch, self.config.batch_texts)
        return [WindowBatch(tuple(group), tuple(starts[index] for index in group)) for group in groups]

    def loss(self, batch: WindowBatch) -> tuple[Tensor, int]:
        device = self.model.head.weight.device
        windows = [
            self.texts[index][start : start + self.lengths[index]]
            for index, start in zip(batch.texts, batch.starts, strict=True)
        ]
        padded = pad(windows, SHAPE_MULTIPLE).to(device)
        logits = self.model(padded.ids, padded.lengths)  # (B, C)
        wanted = self.labels[list(batch.texts)].to(device)
        loss = torch.nn.functional.cross_entropy(logits.float(), wanted, label_smoothing=self.config.label_smoothing)
        return loss, len(wanted)

    def validate(self) -> dict[str, float]:
        scores = score_classes(
            classify_all(FloatClassifier(self.model), self.valid_texts), self.valid_labels, self.model.config.labels
        )
        return {"accuracy": scores["accuracy"], "loss": scores["loss"]}

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass
