"""Training a translator on pairs of sentences, in one direction or in both."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from models.batch import Batch, length_buckets, pad
from models.config import Config, Range
from models.errors import DataError
from models.networks.copying import target_logprobs
from models.networks.translator import Translator
from models.text.tokenizers import Tokenizer
from trainer.data.bucketing import shuffled_length_buckets
from trainer.data.store import IdArray, Ragged
from trainer.data.subwords import SubwordSampler
from trainer.evaluation.classification import EVALUATION_TOKENS
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.translation import evaluate_translator
from trainer.loop.trainer import Task

SHAPE_MULTIPLE = 4  # lengths are padded to a multiple of this
Encoded = tuple[list[int], list[int]]
"""The ids of a source, with the language token and the end, and of a target, with the end."""


@dataclass(frozen=True)
class TranslationTaskConfig(Config):
    """How sentence pairs are batched."""

    batch_tokens: Annotated[int, Range(1, 10_000_000)] = 4096
    """Padded tokens of the longer side of a batch, at most."""
    label_smoothing: Annotated[float, Range(0.0, 0.9)] = 0.1
    """Share of the target that is spread evenly over all tokens (Szegedy et al. 2015, arXiv:1512.00567)."""
    max_tokens: Annotated[int, Range(1, 10_000)] = 100
    """Pairs with a longer side are not trained on."""
    scored_pairs: Annotated[int, Range(1, 1_000_000)] = 400
    """Validation pairs of each direction on which BLEU is computed at each evaluation."""
    subword_alpha: Annotated[float, Range(0.0, 10.0)] = 0.0
    """Subword regularization: above 0, segmentations are sampled by their probability to this power (Kudo 2018,
    arXiv:1804.10959).

    At 0 a text always has its most probable segmentation."""


@dataclass(frozen=True)
class Examples:
    """Indices of pairs (R,) and of the direction of each (R,), and the epoch, which seeds the segmentation."""

    pairs: IdArray
    directions: IdArray
    epoch: int


@dataclass(frozen=True)
class PairBatch:
    """A batch of pairs: decoder inputs (B, T) begin with the end token, targets (B, T) end with it, -100 at padding."""

    source: Batch
    inputs: Tensor
    targets: Tensor


class TranslationTask(Task[Examples, list[Encoded]]):
    """Pairs of every direction of the model, mixed; the metric is the mean loss of the validation pairs."""

    metric = "loss"
    unit = "tokens"
    higher_is_better = False
    model: Translator

    def __init__(
        self,
        model: Translator,
        tokenizer: Tokenizer,
        texts: tuple[Ragged, ...],
        valid: Sequence[tuple[str, str]],
        config: TranslationTaskConfig,
        seed: int,
        bleu_tokenize: str = "13a",
    ) -> None:
        """texts are the sides of the training pairs, valid pairs of text, both in the order of model.config.languages.

        Raise DataError where every pair is too long.
        """
        self.model, self.tokenizer, self.config, self.seed = model, tokenizer, config, seed
        self.texts, self.bleu_tokenize = texts, bleu_tokenize
        self.sampler = SubwordSampler(tokenizer, config.subword_alpha) if config.subword_alpha else None
        first = model.config.languages[0]
        self.sides = [(0, 1) if source == first else (1, 0) for source, _ in model.config.directions]
        lengths = np.stack([side.lengths for side in texts])  # (2, N)
        short = np.flatnonzero((lengths <= config.max_tokens).all(axis=0))
        if not len(short):
            raise DataError(f"every training pair has a side of more than {config.max_tokens} tokens; --set max_tokens")
        count = len(model.config.directions)
        self.pairs = np.tile(short, count)  # (R,)
        self.directions = np.repeat(np.arange(count), len(short))
        self.lengths = np.tile(lengths[:, short].max(axis=0), count) + 2  # with the language's token and the end
        self.scored = {
            direction: [(pair[source], pair[target]) for pair in valid[: config.scored_pairs]]
            for direction, (source, target) in zip(model.config.directions, self.sides, strict=True)
        }
        self.valid_groups = self._valid_groups(valid)

    def batches(self, epoch: int) -> Sequence[Examples]:
        groups = shuffled_length_buckets(self.lengths, self.config.batch_tokens, self.seed, epoch)
        return [Examples(self.pairs[group], self.directions[group], epoch) for group in groups]

    def parts(self, batch: Examples, count: int) -> Sequence[list[Encoded]]:
        encoded = [
            self._example(
                self._pieces(pair, self.sides[direction][0], direction, batch.epoch),
                self._pieces(pair, self.sides[direction][1], direction, batch.epoch),
                direction,
            )
            for pair, direction in zip(batch.pairs.tolist(), batch.directions.tolist(), strict=True)
        ]
        size = -(-len(encoded) // count)
        return [encoded[first : first + size] for first in range(0, len(encoded), size)]

    def targets(self, part: list[Encoded]) -> int:
        return sum(len(target) for _, target in part)

    def loss(self, part: list[Encoded]) -> Tensor:
        return self._loss(self._batch(part), self.config.label_smoothing)

    def validate(self) -> dict[str, float]:
        total, count = 0.0, 0
        for group in self.valid_groups:
            targets = self.targets(group)
            total, count = total + self._loss(self._batch(group), 0.0).item() * targets, count + targets
        scores = {"loss": total / count}
        for (source, target), scored in self.scored.items():
            greedy = EvaluationConfig(resamples=0, beam_size=1, bleu_tokenize=self.bleu_tokenize)
            bleu = evaluate_translator(self.model, self.tokenizer, scored, target, greedy)["bleu"]
            scores[f"bleu_{source}_{target}_greedy"] = bleu
        return scores

    def _pieces(self, pair: int, side: int, direction: int, epoch: int) -> list[int]:
        ids: list[int] = self.texts[side][pair].tolist()
        if self.sampler:
            ids = self.sampler.sample(ids, random.Random(f"pieces {self.seed}:{epoch}:{pair}:{side}:{direction}"))
        return ids

    def _example(self, source: list[int], target: list[int], direction: int) -> Encoded:
        language = self.model.config.directions[direction][1]
        end = self.tokenizer.end_id
        return [self.model.language_id(language), *source, end], [*target, end]

    def _valid_groups(self, valid: Sequence[tuple[str, str]]) -> list[list[Encoded]]:
        encoded = [tuple(self.tokenizer.encode(text) for text in pair) for pair in valid]
        examples = [
            self._example(pair[source], pair[target], direction)
            for direction, (source, target) in enumerate(self.sides)
            for pair in encoded
        ]
        longest = [max(len(source), len(target)) for source, target in examples]
        groups = length_buckets(longest, EVALUATION_TOKENS)
        return [[examples[index] for index in group] for group in groups]

    def _batch(self, examples: Sequence[Encoded]) -> PairBatch:
        device = self.model.bias.device
        source = pad([source for source, _ in examples], SHAPE_MULTIPLE).to(device)
        inputs = pad([[self.tokenizer.end_id, *target[:-1]] for _, target in examples], SHAPE_MULTIPLE).to(device)
        targets = pad([target for _, target in examples], SHAPE_MULTIPLE).to(device)
        return PairBatch(source, inputs.ids, targets.ids.masked_fill(~targets.mask, -100))

    def _loss(self, pairs: PairBatch, label_smoothing: float) -> Tensor:
        encoded, state = self.model.encode(pairs.source)
        output = self.model.decode_features(pairs.inputs, encoded, state)
        mask = pairs.targets != -100  # (B, T)
        logits = self.model.score(output.features[mask]).float()  # (N, V)
        targets = pairs.targets[mask]  # (N,)
        if output.copied is None:
            return torch.nn.functional.cross_entropy(logits, targets, label_smoothing=label_smoothing)
        matches = encoded.copyable.unsqueeze(1) == pairs.targets.unsqueeze(2)  # (B, T, S)
        total = output.copied.sum(dim=-1)[mask]  # (N,)
        matching = (output.copied * matches).sum(dim=-1)[mask]
        logprobs = torch.log_softmax(logits, dim=-1)
        loss = -target_logprobs(logprobs.gather(1, targets.unsqueeze(1)).squeeze(1), total, matching).mean()
        # smoothing is of the vocabulary's distribution: the copied one has no mass to spread over all tokens
        return (1 - label_smoothing) * loss - label_smoothing * logprobs.mean()
