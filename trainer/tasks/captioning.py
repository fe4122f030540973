"""Training a captioner on pictures of digits that are composed as they are needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from models.batch import PADDING_ID, to_device
from models.config import Config, Range
from models.networks.captioner import Captioner
from models.text.tokenizers import Tokenizer
from trainer.data.digit_lines import TRAINED, Lines, compose
from trainer.data.mnist import NAMES, MnistSource
from trainer.evaluation.captions import evaluate_captioner
from trainer.evaluation.config import EvaluationConfig
from trainer.loop.trainer import Task

MAX_DIGITS = 5


@dataclass(frozen=True)
class CaptioningTaskConfig(Config):
    """How pictures are composed and batched."""

    batch_size: Annotated[int, Range(1, 100_000)] = 64
    """Pictures of a batch."""
    epoch_pictures: Annotated[int, Range(1, 100_000_000)] = 16_000
    """Pictures of an epoch: each is composed anew from one to five random digits."""
    scored_pictures: Annotated[int, Range(1, 1_000_000)] = 500
    """Pictures of five held-back digits that are read at each evaluation."""
    label_smoothing: Annotated[float, Range(0.0, 0.9)] = 0.05
    """Share of the target that is spread evenly over all words (Szegedy et al. 2015, arXiv:1512.00567)."""


@dataclass(frozen=True)
class LineBatch:
    """Which pictures: their epoch and number, which seed them, and their count. part says which of `parts` it is."""

    epoch: int
    number: int
    size: int
    part: int = 0
    parts: int = 1


class CaptioningTask(Task[LineBatch, LineBatch]):
    """Pictures and what they show; the metric is the word accuracy on pictures of held-back digits."""

    metric = "word_accuracy"
    unit = "pictures"
    higher_is_better = True
    model: Captioner

    def __init__(
        self,
        model: Captioner,
        tokenizer: Tokenizer,
        train: MnistSource,
        valid: MnistSource,
        config: CaptioningTaskConfig,
        seed: int,
    ) -> None:
        self.model, self.tokenizer, self.config, self.seed = model, tokenizer, config, seed
        self.source, self.valid = train, valid
        self.words = {
            language: [tokenizer.encode(name)[0] for name in NAMES[language]] for language in model.config.languages
        }

    def batches(self, epoch: int) -> Sequence[LineBatch]:
        size, total = self.config.batch_size, self.config.epoch_pictures
        return [
            LineBatch(epoch, number, min(size, total - first)) for number, first in enumerate(range(0, total, size))
        ]

    def parts(self, batch: LineBatch, count: int) -> Sequence[LineBatch]:
        count = min(count, batch.size)
        sizes = [len(part) for part in np.array_split(np.arange(batch.size), count)]
        return [LineBatch(batch.epoch, batch.number, size, part, count) for part, size in enumerate(sizes)]

    def targets(self, part: LineBatch) -> int:
        return part.size

    def loss(self, part: LineBatch) -> Tensor:
        generator = np.random.default_rng([self.seed, part.epoch, part.number, part.part, part.parts])
        lengths = generator.integers(1, MAX_DIGITS + 1, part.size)
        lines = compose(self.source.images, self.source.labels, lengths, TRAINED, generator)
        languages = generator.integers(0, len(self.model.config.languages), part.size).tolist()
        inputs, targets = self._captions(lines, languages)
        device = self.model.head.weight.device
        encoded, state = self.model.encode(to_device(lines.pictures, device), to_device(lines.widths, device))
        logits, _, _ = self.model.decode(to_device(inputs, device), encoded, state)  # (B, T, V)
        return torch.nn.functional.cross_entropy(
            logits.flatten(0, 1).float(),
            to_device(targets, device).flatten(),
            label_smoothing=self.config.label_smoothing,
        )

    def validate(self) -> dict[str, float]:
        scores = evaluate_captioner(
            self.model, self.tokenizer, self.valid, EvaluationConfig(resamples=0), self.config.scored_pictures
        )
        return {"word_accuracy": scores["word_accuracy"], "picture_accuracy": scores["picture_accuracy"]}

    def _captions(self, lines: Lines, languages: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Decoder inputs (B, T), which begin with the language's token, and targets (B, T), which end with the end
        token; -100 at padding."""
        width = max(map(len, lines.digits)) + 1
        inputs = torch.full((len(languages), width), PADDING_ID)
        targets = torch.full((len(languages), width), -100)
        for row, (digits, language) in enumerate(zip(lines.digits, languages, strict=True)):
            name = self.model.config.languages[language]
            ids = torch.tensor([self.words[name][digit] for digit in digits])
            inputs[row, 0] = self.model.language_id(name)
            inputs[row, 1 : len(ids) + 1] = targets[row, : len(ids)] = ids
            targets[row, len(ids)] = self.tokenizer.end_id
        return inputs, targets
