"""Counting an n-gram model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.counted.ngram import Ngram
from models.model import Model
from trainer.tasks.configs import CountingConfig
from trainer.tasks.training import Fit, Material


@dataclass(frozen=True)
class NgramFit(Fit):
    """Counts the n-grams of a stream. All is in memory together: of order 5, about 210 bytes a word of text."""

    material: Material

    def fit(self) -> tuple[Model, dict[str, Any], str]:
        tokenizer, config = self.material.tokenizer, self.material.settings.make(CountingConfig)
        stream = self.material.corpus.columns[0].values.astype("int64")
        model = Ngram.count(stream, config.order, tokenizer.size, tokenizer.end_id, config.method)
        return model, {}, describe_grams(model.config.grams)


def describe_grams(grams: Sequence[int]) -> str:
    """The number of different n-grams of 2, 3, … tokens of a model."""
    counts = ", ".join(f"{count:,} of {length}" for length, count in enumerate(grams, 2))
    return f"different n-grams: {counts or 'only single tokens'}"
