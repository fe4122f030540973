"""Training a translator on pairs of sentences, in one direction or in both."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from models.batch import PADDING_ID, Batch, length_buckets, to_device
from models.config import Config, Range
from models.errors import DataError
from models.networks.copying import target_logprobs
from models.networks.translator import Translator
from models.text.tokenizers import Tokenizer
from trainer.data.bucketing import shuffled_length_buckets
from trainer.data.padding import fill, width_of
from trainer.data.store import IdArray, Ragged
from trainer.data.subwords import SubwordSampler
from trainer.evaluation.classification import EVALUATION_TOKENS
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.translation import evaluate_translator
from trainer.loop.trainer import Task

SHAPE_MULTIPLE = 4  # lengths are padded to a multiple of this


@dataclass(frozen=True)
class TranslationTaskConfig(Config):
    """How sentence pairs are batched."""

    batch_tokens: Annotated[int, Range(1, 10_000_000)] = 4096
    """Padded tokens of the longer side of a batch, at most."""
    label_smoothing: Annotated[float, Range(0.0, 0.9)] = 0.1
    """Share of the target that is spread evenly over all tokens (Szegedy et al. 2015, arXiv:1512.00567)."""
    max_tokens: Annotated[int, Range(1, 10_000)] = 100
    """Pairs with a longer side are not trained on."""
    scored_pairs: Annotated[int, Range(0, 1_000_000)] = 400
    """Validation pairs of each direction on which BLEU is computed at each evaluation; 0: no BLEU."""
    subword_alpha: Annotated[float, Range(0.0, 10.0)] = 0.0
    """Subword regularization: above 0, segmentations are sampled by their probability to this power (Kudo 2018,
    arXiv:1804.10959).

    At 0 a text always has its most probable segmentation."""


@dataclass(frozen=True)
class Examples:
    """Indices of pairs (R,) and of the direction of each (R,), and the epoch, which seeds the segmentation.

    Directions count on where the targets are those of teachers: with two directions, 2 is the first one again.
    """

    pairs: IdArray
    directions: IdArray
    epoch: int


@dataclass(frozen=True)
class PairBatch:
    """A batch of pairs: decoder inputs (B, T) begin with the end token, targets (B, T) end with it, -100 at padding.

    positions (N,) are the indices of the N targets that are not padding, in the flattened (B * T,). They come from the
    CPU, since to find them on a GPU is to wait for it.
    """

    source: Batch
    inputs: Tensor
    targets: Tensor
    positions: Tensor

    def to(self, device: torch.device) -> "PairBatch":
        tensors = (to_device(tensor, device) for tensor in (self.inputs, self.targets, self.positions))
        return PairBatch(self.source.to(device), *tensors)


class TranslationTask(Task[Examples, PairBatch]):
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
        distilled: Sequence[Ragged] = (),
        originals: bool = True,
    ) -> None:
        """texts are the sides of the training pairs, valid pairs of text, both in the order of model.config.languages.

        distilled has teachers' translations of all pairs in each direction, which are trained on beside the original
        targets, or, without originals, in place of them (Kim and Rush 2016, arXiv:1606.07947).
        Raise DataError where every pair is too long.
        """
        self.model, self.tokenizer, self.config, self.seed = model, tokenizer, config, seed
        self.texts, self.bleu_tokenize = (*texts, *distilled), bleu_tokenize
        self.sampler = SubwordSampler(tokenizer, config.subword_alpha) if config.subword_alpha else None
        first = model.config.languages[0]
        self.sides = [(0, 1) if source == first else (1, 0) for source, _ in model.config.directions]
        count = len(self.sides)
        numbers = range(0 if originals or not distilled else count, count + len(distilled))
        self.columns = np.array([*self.sides, *((side[0], 2 + index) for index, side in enumerate(self.sides))])
        self.pairs, self.directions, self.lengths = self._trained_on(numbers)
        self.languages = np.array([model.language_id(target) for _, target in model.config.directions] * 2)
        self.scored = {
            direction: [(pair[source], pair[target]) for pair in valid[: config.scored_pairs]]
            for direction, (source, target) in zip(model.config.directions, self.sides, strict=True)
        }
        self.valid_groups = self._valid_groups(valid)

    def batches(self, epoch: int) -> Sequence[Examples]:
        groups = shuffled_length_buckets(self.lengths, self.config.batch_tokens, self.seed, epoch)
        return [Examples(self.pairs[group], self.directions[group], epoch) for group in groups]

    def parts(self, batch: Examples, count: int) -> Sequence[PairBatch]:
        size = -(-len(batch.pairs) // count)
        slices = [slice(first, first + size) for first in range(0, len(batch.pairs), size)]
        return [self._batch(self.texts, batch.pairs[part], batch.directions[part], batch.epoch) for part in slices]

    def targets(self, part: PairBatch) -> int:
        return len(part.positions)

    def loss(self, part: PairBatch) -> Tensor:
        return self._loss(part.to(self.model.bias.device), self.config.label_smoothing)

    def validate(self) -> dict[str, float]:
        scores = {"loss": self.validation_loss()}
        for (source, target), scored in self.scored.items() if self.config.scored_pairs else ():
            greedy = EvaluationConfig(resamples=0, beam_size=1, bleu_tokenize=self.bleu_tokenize)
            bleu = evaluate_translator(self.model, self.tokenizer, scored, target, greedy)["bleu"]
            scores[f"bleu_{source}_{target}_greedy"] = bleu
        return scores

    def validation_loss(self) -> float:
        """The mean over all targets of the validation pairs, in nats, without smoothing."""
        total, count = 0.0, 0
        for group in self.valid_groups:
            loss = self._loss(group.to(self.model.bias.device), 0.0)
            total, count = total + loss.item() * self.targets(group), count + self.targets(group)
        return total / count

    def _trained_on(self, directions: Iterable[int]) -> tuple[IdArray, IdArray, IdArray]:
        """All pairs of directions that are short enough: their indices, directions and lengths, (R,) each."""
        pairs, lengths = [], []
        for source, target in self.columns[list(directions)]:
            longest = np.maximum(self.texts[source].lengths, self.texts[target].lengths)
            pairs.append(np.flatnonzero(longest <= self.config.max_tokens))
            lengths.append(longest[pairs[-1]] + 2)  # with the language's token and the end
        if not any(map(len, pairs)):
            longest_side = self.config.max_tokens
            raise DataError(f"every training pair has a side of more than {longest_side} tokens; --set max_tokens")
        repeated = np.repeat(list(directions), list(map(len, pairs)))
        return np.concatenate(pairs), repeated, np.concatenate(lengths)

    def _valid_groups(self, valid: Sequence[tuple[str, str]]) -> list[PairBatch]:
        sides = tuple(self._encode_valid([pair[side] for pair in valid], side) for side in range(2))
        count = len(self.sides)
        pairs, directions = np.tile(np.arange(len(valid)), count), np.repeat(np.arange(count), len(valid))
        longest = np.maximum(sides[0].lengths, sides[1].lengths)[pairs] + 2
        groups = [np.array(group) for group in length_buckets(longest.tolist(), EVALUATION_TOKENS)]
        return [self._batch(sides, pairs[group], directions[group]) for group in groups]

    def _encode_valid(self, texts: Sequence[str], _side: int) -> Ragged:
        return Ragged.of([self.tokenizer.encode(text) for text in texts])

    def _batch(
        self, texts: Sequence[Ragged], pairs: IdArray, directions: IdArray, epoch: int | None = None
    ) -> PairBatch:
        """The pairs of texts in their directions, with subwords sampled for an epoch of training."""
        if self.sampler and epoch is not None:
            texts, pairs = self._sampled(pairs, directions, epoch)
        turned = self.columns[directions]  # (B, 2): the columns of source and target
        starts = np.stack([side.offsets[pairs] for side in texts])  # (2, B)
        lengths = np.stack([side.offsets[pairs + 1] for side in texts]) - starts
        rows = np.arange(len(pairs))
        source_lengths, target_lengths = lengths[turned[:, 0], rows] + 2, lengths[turned[:, 1], rows] + 1
        source = np.full((len(pairs), width_of(source_lengths, SHAPE_MULTIPLE)), PADDING_ID)
        inputs = np.full((len(pairs), width_of(target_lengths, SHAPE_MULTIPLE)), PADDING_ID)
        targets = np.full(inputs.shape, -100)
        end = self.tokenizer.end_id
        source[:, 0] = self.languages[directions]
        source[rows, source_lengths - 1] = inputs[:, 0] = targets[rows, target_lengths - 1] = end
        for side, text in enumerate(texts):
            for padded, role, column in ((source, 0, 1), (inputs, 1, 1), (targets, 1, 0)):
                chosen = np.flatnonzero(turned[:, role] == side)
                fill(padded, chosen, column, text.values, starts[side, chosen], lengths[side, chosen])
        batch = Batch(torch.from_numpy(source), torch.from_numpy(source_lengths))
        positions = np.flatnonzero(targets != -100)
        return PairBatch(batch, *map(torch.from_numpy, (inputs, targets, positions)))

    def _sampled(self, pairs: IdArray, directions: IdArray, epoch: int) -> tuple[list[Ragged], IdArray]:
        """Both sides of pairs with other segmentations, and the indices of all of them."""
        assert self.sampler
        seeds = [f"{epoch}:{pair}:{{}}:{direction}" for pair, direction in zip(pairs, directions, strict=True)]
        sides = []
        for side, text in enumerate(self.texts):
            generators = (random.Random(f"pieces {self.seed}:{seed.format(side)}") for seed in seeds)
            sampled = [
                self.sampler.sample(text[pair].tolist(), generator)
                for pair, generator in zip(pairs, generators, strict=True)
            ]
            sides.append(Ragged.of(sampled))
        return sides, np.arange(len(pairs))

    def _loss(self, pairs: PairBatch, label_smoothing: float) -> Tensor:
        encoded, state = self.model.encode(pairs.source)
        output = self.model.decode_features(pairs.inputs, encoded, state)
        positions = pairs.positions  # (N,)
        logits = self.model.score(output.features.flatten(0, 1).index_select(0, positions)).float()  # (N, V)
        targets = pairs.targets.flatten().index_select(0, positions)  # (N,)
        if output.copied is None:
            return torch.nn.functional.cross_entropy(logits, targets, label_smoothing=label_smoothing)
        matches = encoded.copyable.unsqueeze(1) == pairs.targets.unsqueeze(2)  # (B, T, S)
        total = output.copied.sum(dim=-1).flatten().index_select(0, positions)  # (N,)
        matching = (output.copied * matches).sum(dim=-1).flatten().index_select(0, positions)
        logprobs = torch.log_softmax(logits, dim=-1)
        loss = -target_logprobs(logprobs.gather(1, targets.unsqueeze(1)).squeeze(1), total, matching).mean()
        # smoothing is of the vocabulary's distribution: the copied one has no mass to spread over all tokens
        return (1 - label_smoothing) * loss - label_smoothing * logprobs.mean()
