"""Training a translator on pairs of sentences, in one direction or in both."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.batch import Batch, pad
from models.config import require_range
from models.search import source_ids
from models.tokenizer import Tokenizer
from models.training.buckets import bucket
from models.training.metrics import EVALUATION_TOKENS, evaluate_translator
from models.translator import Translator

SHAPE_MULTIPLE = 4  # lengths are padded to a multiple of this


@dataclass(frozen=True)
class TranslationTaskConfig:
    """Pairs in which a side has more than max_tokens tokens are not trained on."""

    batch_tokens: int = 4096
    """Padded tokens of the longer side in a batch."""
    label_smoothing: float = 0.1
    """Towards the uniform distribution (Szegedy et al. 2015, arXiv:1512.00567)."""
    max_tokens: int = 100
    scored_pairs: int = 400
    """BLEU is watched on the first so many validation pairs of each direction."""

    def __post_init__(self) -> None:
        require_range(self, "batch_tokens", 1, 10_000_000)
        require_range(self, "label_smoothing", 0.0, 0.9)
        require_range(self, "max_tokens", 1, 10_000)
        require_range(self, "scored_pairs", 1, 1_000_000)


@dataclass(frozen=True)
class PairBatch:
    """A batch of sentence pairs: target begins with the end token, wanted (B, T) ends with it, -100 at padding."""

    source: Batch
    target: Tensor
    wanted: Tensor


class TranslationTask:
    """Pairs of every direction of the model, mixed; the mean log-loss of the validation pairs decides."""

    metric = "loss"
    unit = "tokens"
    higher_is_better = False

    def __init__(
        self,
        model: Translator,
        tokenizer: Tokenizer,
        train: Sequence[tuple[str, str]],
        valid: Sequence[tuple[str, str]],
        config: TranslationTaskConfig,
        seed: int,
    ) -> None:
        """Train and valid are pairs (first language, second language), as model.config.languages orders them."""
        self.model, self.tokenizer, self.config, self.seed = model, tokenizer, config, seed
        scored = valid[: config.scored_pairs]
        self.scored = {direction: self._oriented(scored, direction) for direction in model.config.directions}
        self.examples = [
            example
            for example in self._encode(train)
            if len(example[0]) <= config.max_tokens + 2 and len(example[1]) <= config.max_tokens + 1
        ]
        self.lengths = [max(len(source), len(target)) for source, target in self.examples]
        encoded = self._encode(valid)
        longest = [max(len(source), len(target)) for source, target in encoded]
        self.valid_batches = [
            self._batch([encoded[index] for index in chosen]) for chosen in bucket(longest, EVALUATION_TOKENS, seed, 0)
        ]

    def batches(self, epoch: int) -> Sequence[list[int]]:
        return bucket(self.lengths, self.config.batch_tokens, self.seed, epoch)

    def loss(self, batch: list[int]) -> tuple[Tensor, int]:
        pairs = self._batch([self.examples[index] for index in batch])
        return self._loss(pairs, self.config.label_smoothing)

    def validate(self) -> dict[str, float]:
        total, count = 0.0, 0
        for pairs in self.valid_batches:
            loss, targets = self._loss(pairs, 0.0)
            total, count = total + loss.item() * targets, count + targets
        scores = {"loss": total / count}
        for (source, target), scored in self.scored.items():
            scores[f"bleu_{source}_{target}_greedy"] = evaluate_translator(
                self.model, self.tokenizer, scored, target, beam_size=1
            )["bleu"]
        return scores

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass

    def _oriented(self, pairs: Sequence[tuple[str, str]], direction: tuple[str, str]) -> list[tuple[str, str]]:
        forward = direction[0] == self.model.config.languages[0]
        return [(first, second) if forward else (second, first) for first, second in pairs]

    def _encode(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[list[int], list[int]]]:
        """(source as the encoder reads it, target with its end) for each pair and direction, shuffled."""
        examples = [
            (
                source_ids(self.model, self.tokenizer, source, direction[1]),
                [*self.tokenizer.encode(target), self.tokenizer.end_id],
            )
            for direction in self.model.config.directions
            for source, target in self._oriented(pairs, direction)
        ]
        random.Random(self.seed).shuffle(examples)
        return examples

    def _batch(self, examples: Sequence[tuple[list[int], list[int]]]) -> PairBatch:
        device = self.model.bias.device
        source = pad([source for source, _ in examples], SHAPE_MULTIPLE).to(device)
        target = pad([[self.tokenizer.end_id, *target[:-1]] for _, target in examples], SHAPE_MULTIPLE).to(device)
        wanted = pad([target for _, target in examples], SHAPE_MULTIPLE).to(device)
        return PairBatch(source, target.ids, wanted.ids.masked_fill(~wanted.mask, -100))

    def _loss(self, pairs: PairBatch, label_smoothing: float) -> tuple[Tensor, int]:
        memory = self.model.encode(pairs.source)
        features, _, _ = self.model.decode_features(pairs.target, memory)  # (B, T, E)
        real = pairs.wanted != -100  # (B, T)
        logits = self.model.score(features[real])  # (N, V)
        wanted = pairs.wanted[real]  # (N,)
        loss = torch.nn.functional.cross_entropy(logits.float(), wanted, label_smoothing=label_smoothing)
        return loss, wanted.numel()
