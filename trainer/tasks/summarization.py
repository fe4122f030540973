"""Training a summarizer on texts and their summaries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from models.config import Range
from models.networks.summarizer import Summarizer
from models.text.tokenizers import Tokenizer
from trainer.data.store import Ragged
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.summarization import evaluate_summarizer
from trainer.tasks.translation import TranslationTask, TranslationTaskConfig


@dataclass(frozen=True)
class SummarizationTaskConfig(TranslationTaskConfig):
    """How texts with summaries are batched."""

    max_tokens: Annotated[int, Range(1, 10_000)] = 4000
    """Pairs with a longer side are not trained on; of a text, what is read of it counts."""
    scored_pairs: Annotated[int, Range(0, 1_000_000)] = 200
    """Validation pairs on which ROUGE is computed at each evaluation, with greedy search; 0: no ROUGE."""


class SummarizationTask(TranslationTask):
    """Texts, of which the beginning is read, and their summaries; the metric is the mean loss of a summary's token."""

    model: Summarizer

    def __init__(
        self,
        model: Summarizer,
        tokenizer: Tokenizer,
        texts: tuple[Ragged, ...],
        valid: Sequence[tuple[str, str]],
        config: SummarizationTaskConfig,
        seed: int,
    ) -> None:
        """texts are the training texts and their summaries, valid pairs of both."""
        source, target = texts
        super().__init__(
            model, tokenizer, (beginnings(source, model.config.source_tokens), target), valid, config, seed
        )
        self.scored_rows = valid[: config.scored_pairs]

    def validate(self) -> dict[str, float]:
        scores = {"loss": self.validation_loss()}
        if self.scored_rows:
            greedy = EvaluationConfig(resamples=0, beam_size=1)
            rouge = evaluate_summarizer(self.model, self.tokenizer, self.scored_rows, greedy)
            scores |= {f"{name}_greedy": rouge[name] for name in ("rouge1", "rouge2", "rougeL")}
        return scores

    def _encode_valid(self, texts: Sequence[str], side: int) -> Ragged:
        encoded = super()._encode_valid(texts, side)
        return encoded if side else beginnings(encoded, self.model.config.source_tokens)


def beginnings(texts: Ragged, length: int) -> Ragged:
    """The first tokens of each text, in memory."""
    lengths = np.minimum(texts.lengths, length)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    steps = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    return Ragged(np.asarray(texts.values[np.repeat(texts.offsets[:-1], lengths) + steps]), offsets)
