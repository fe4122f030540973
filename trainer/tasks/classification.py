"""Training a classifier on labelled texts."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor, nn

from models.batch import PADDING_ID, Batch, pad, to_device
from models.config import Config, FormerName, Range
from models.networks.classifier import Classifier
from models.runtime.float import FloatClassifier
from models.text.tokenizers import Tokenizer
from trainer.data.bucketing import shuffled_length_buckets
from trainer.data.padding import fill, width_of
from trainer.data.store import IdArray, Ragged
from trainer.data.subwords import SubwordSampler
from trainer.evaluation.classification import calibration_notes, classify_all, score_classes
from trainer.loop.trainer import Task

SHAPE_MULTIPLE = 8


@dataclass(frozen=True)
class ClassificationTaskConfig(Config):
    """How texts are batched."""

    batch_size: Annotated[int, Range(1, 100_000), FormerName("batch_texts")] = 32
    """Texts of a batch, at most."""
    batch_tokens: Annotated[int, Range(1, 10_000_000)] = 16_384
    """Padded tokens of a batch, at most."""
    max_tokens: Annotated[int, Range(1, 100_000)] = 256
    """Of a longer text a random window of this length is trained on, another one each epoch.

    Validation reads the whole text."""
    label_smoothing: Annotated[float, Range(0.0, 0.9)] = 0.0
    """Share of the target that is spread evenly over all labels (Szegedy et al. 2015, arXiv:1512.00567)."""
    subword_alpha: Annotated[float, Range(0.0, 10.0)] = 0.0
    """Subword regularization: above 0, segmentations are sampled by their probability to this power (Kudo 2018,
    arXiv:1804.10959).

    At 0 a text always has its most probable segmentation."""


@dataclass(frozen=True)
class WindowBatch:
    """Indices of texts, the first token of each one's window, and the epoch, which seeds the segmentation."""

    texts: IdArray
    starts: IdArray
    epoch: int


class ClassificationTask(Task[WindowBatch, WindowBatch]):
    """Texts and labels; the metric is validation accuracy."""

    metric = "accuracy"
    unit = "texts"
    higher_is_better = True
    model: Classifier

    def __init__(
        self,
        model: Classifier,
        tokenizer: Tokenizer,
        texts: Ragged,
        labels: IdArray,
        valid: Sequence[tuple[str, str]],
        config: ClassificationTaskConfig,
        seed: int,
    ) -> None:
        """labels (R,) are indices into model.config.labels; valid are texts with their labels."""
        self.model, self.config, self.seed = model, config, seed
        self.texts, self.labels = texts, labels
        self.lengths = np.minimum(texts.lengths, config.max_tokens)
        self.sampler = SubwordSampler(tokenizer, config.subword_alpha) if config.subword_alpha else None
        self.valid_texts = [tokenizer.encode(text) or [tokenizer.end_id] for text, _ in valid]
        self.valid_logits = torch.empty(0)
        self.valid_labels = torch.tensor([model.config.labels.index(label) for _, label in valid])

    def batches(self, epoch: int) -> Sequence[WindowBatch]:
        generator = np.random.default_rng([self.seed, epoch, 1])
        starts = generator.integers(0, self.texts.lengths - self.lengths + 1)
        groups = shuffled_length_buckets(
            self.lengths, self.config.batch_tokens, self.seed, epoch, self.config.batch_size
        )
        return [WindowBatch(group, starts[group], epoch) for group in groups]

    def parts(self, batch: WindowBatch, count: int) -> Sequence[WindowBatch]:
        size = -(-len(batch.texts) // count)
        return [
            WindowBatch(batch.texts[first : first + size], batch.starts[first : first + size], batch.epoch)
            for first in range(0, len(batch.texts), size)
        ]

    def targets(self, part: WindowBatch) -> int:
        return len(part.texts)

    def loss(self, part: WindowBatch) -> Tensor:
        device = self.model.head.weight.device
        padded = self._padded(part).to(device)
        logits = self.model(padded.ids, padded.lengths)  # (B, C)
        targets = to_device(torch.from_numpy(self.labels[part.texts]), device)  # (B,)
        return torch.nn.functional.cross_entropy(logits.float(), targets, label_smoothing=self.config.label_smoothing)

    def validate(self) -> dict[str, float]:
        self.valid_logits = classify_all(FloatClassifier(self.model), self.valid_texts)
        scores = score_classes(self.valid_logits, self.valid_labels, self.model.config.labels)
        return {"accuracy": scores["accuracy"], "loss": scores["loss"]}

    def export(self, weights: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Divide the head by the temperature that calibrates it best on the validation data.

        Scaling the weights keeps explanations exact, and no runtime has to know of it.
        """
        notes = calibration_notes(self.valid_logits, self.valid_labels)
        heads = {name: weights[name] / notes["temperature"] for name in ("head.weight", "head.bias")}
        return {**weights, **heads}, {"calibration": notes}

    def depths(self) -> list[list[nn.Parameter]]:
        """The head, the recurrent layers from the top down, the embedding."""
        model = self.model
        layers = zip(model.lstm.forward_layers, model.lstm.backward_layers, strict=True)
        stack = [[*ahead.parameters(), *back.parameters()] for ahead, back in layers]
        return [list(model.head.parameters()), *reversed(stack), list(model.embedding.parameters())]

    def _padded(self, part: WindowBatch) -> Batch:
        if self.sampler:
            windows = zip(part.texts.tolist(), part.starts.tolist(), strict=True)
            return pad([self._sampled(index, start, part.epoch) for index, start in windows], SHAPE_MULTIPLE)
        lengths = self.lengths[part.texts]
        ids = np.full((len(lengths), width_of(lengths, SHAPE_MULTIPLE)), PADDING_ID)
        starts = self.texts.offsets[part.texts] + part.starts
        fill(ids, np.arange(len(lengths)), 0, self.texts.values, starts, lengths)
        return Batch(torch.from_numpy(ids), torch.from_numpy(lengths))

    def _sampled(self, index: int, start: int, epoch: int) -> list[int]:
        """A window of a text in another segmentation."""
        assert self.sampler
        ids: list[int] = self.texts[index][start : start + int(self.lengths[index])].tolist()
        return self.sampler.sample(ids, random.Random(f"pieces {self.seed}:{epoch}:{index}"))
