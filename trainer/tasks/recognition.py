"""Training a recognizer on recordings of words, which are joined to strings and changed anew each time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.config import Config, Range
from models.decoding.ctc import BLANK
from models.networks.recognizer import Recognizer
from models.text.tokenizers import Tokenizer
from trainer.data.recordings import Spoken
from trainer.data.strings import strings_of
from trainer.loop.trainer import Task
from trainer.tasks.sound_changes import SoundChanges, SoundChangesConfig

VALIDATION_BATCH = 64
IGNORED = -100
Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class RecognitionTaskConfig(Config):
    """How recordings are joined and batched."""

    batch_size: Annotated[int, Range(1, 100_000)] = 24
    """Recordings of a batch, about."""
    longest_string: Annotated[int, Range(1, 20)] = 4
    """Recordings of a string, at most."""
    aligned_epochs: Annotated[int, Range(0, 1000)] = 4
    """In the first epochs each step is to name the word of which it is, as is known of joined recordings. CTC alone
    would first learn to answer blanks, for as long as a whole run takes otherwise."""
    pause_s: Annotated[float, Range(0.0, 10.0)] = 0.3
    """Before, between and after the recordings of a string, at most."""


@dataclass(frozen=True)
class Recording:
    """Words that were spoken: their ids, the voice, and the power spectrum (T, F)."""

    ids: tuple[int, ...]
    voice: str
    power: NDArray[np.float32]


def read_recordings(spoken: Sequence[Spoken], model: Recognizer, tokenizer: Tokenizer) -> list[Recording]:
    """Recordings as a model and its tokenizer see them. Raises DataError for one that can't be read."""
    with torch.no_grad():
        return [
            Recording(
                tuple(tokenizer.encode(one.text)),
                one.voice,
                model.spectrum.power(torch.from_numpy(one.wave(model.config.sample_rate))).numpy(),
            )
            for one in spoken
        ]


@dataclass(frozen=True)
class StringBatch:
    """Strings as indices of recordings, the numbers that seed their changes, and the epoch."""

    strings: tuple[tuple[int, ...], ...]
    numbers: tuple[int, ...]
    epoch: int


class RecognitionTask(Task[StringBatch, StringBatch]):
    """Strings of recordings; the metric is CTC's loss for each validation recording, which is not changed."""

    metric = "loss"
    unit = "words"
    higher_is_better = False
    model: Recognizer

    def __init__(
        self,
        model: Recognizer,
        train: Sequence[Recording],
        valid: Sequence[Recording],
        config: RecognitionTaskConfig,
        changes: SoundChangesConfig,
        seed: int,
    ) -> None:
        self.model, self.train, self.valid, self.config, self.seed = model, train, valid, config, seed
        self.changes = SoundChanges(changes, model.spectrum.filters.numpy())
        self.frames_per_second = model.config.sample_rate / model.config.hop

    def batches(self, epoch: int) -> Sequence[StringBatch]:
        generator = np.random.default_rng([self.seed, epoch, 0])
        strings = strings_of([one.voice for one in self.train], self.config.longest_string, generator)
        frames = np.array([sum(len(self.train[index].power) for index in string) for string in strings])
        # of about the same length, but not always with the same ones
        order = np.argsort(frames * generator.uniform(0.8, 1.25, len(frames)))
        words = np.cumsum([len(strings[number]) for number in order])
        edges = np.flatnonzero(np.diff(words // self.config.batch_size)) + 1
        groups = [group.tolist() for group in np.split(order, edges) if len(group)]
        return [
            StringBatch(tuple(tuple(strings[number]) for number in groups[index]), tuple(groups[index]), epoch)
            for index in generator.permutation(len(groups))
        ]

    def parts(self, batch: StringBatch, count: int) -> Sequence[StringBatch]:
        size = -(-len(batch.strings) // count)
        return [
            StringBatch(batch.strings[first : first + size], batch.numbers[first : first + size], batch.epoch)
            for first in range(0, len(batch.strings), size)
        ]

    def targets(self, part: StringBatch) -> int:
        return sum(len(self.train[index].ids) for string in part.strings for index in string)

    def loss(self, part: StringBatch) -> Tensor:
        generators = [np.random.default_rng([self.seed, part.epoch, 1, number]) for number in part.numbers]
        pairs = [self._string(string, own) for string, own in zip(part.strings, generators, strict=True)]
        mel, spans = [mel for mel, _ in pairs], [spans for _, spans in pairs]
        with torch.no_grad():
            padded, lengths = pad_frames(mel)
            frames = self.model.spectrum.normalize(padded, lengths).numpy()
            for row, own in enumerate(generators):
                frames[row, : lengths[row]] = self.changes.mask(frames[row, : lengths[row]], own)
        logs, steps = self.model.words(torch.from_numpy(frames), lengths)
        if part.epoch < self.config.aligned_epochs:
            return self._aligned(part, logs, steps, spans)
        ids = [[symbol for index in string for symbol in self.train[index].ids] for string in part.strings]
        return ctc(logs, steps, ids) / self.targets(part)

    def _aligned(self, part: StringBatch, logs: Tensor, steps: Tensor, spans: Sequence[Spans]) -> Tensor:
        """The cross-entropy of each step's word, or blank in pauses; logs (B, S, V), spans in frames."""
        targets = torch.full(logs.shape[:2], BLANK)
        for row, string in enumerate(part.strings):
            for index, (start, end) in zip(string, spans[row], strict=True):
                first, last = (edge // self.model.config.stride for edge in (start, end - 1))
                targets[row, first : last + 1] = self.train[index].ids[0]
            targets[row, steps[row] :] = IGNORED
        return torch.nn.functional.nll_loss(logs.transpose(1, 2), targets, ignore_index=IGNORED)

    def _string(
        self, string: Sequence[int], generator: np.random.Generator
    ) -> tuple[NDArray[np.float32], list[tuple[int, int]]]:
        seconds = generator.uniform(0.0, self.config.pause_s, len(string) + 1)
        pauses = [round(pause * self.frames_per_second) for pause in seconds]
        return self.changes.string([self.train[index].power for index in string], pauses, generator)

    def validate(self) -> dict[str, float]:
        total = 0.0
        for first in range(0, len(self.valid), VALIDATION_BATCH):
            some = self.valid[first : first + VALIDATION_BATCH]
            power, lengths = pad_frames([one.power for one in some])
            logs, steps = self.model(power, lengths)
            total += float(ctc(logs, steps, [one.ids for one in some]))
        return {"loss": total / len(self.valid)}


def ctc(logs: Tensor, steps: Tensor, ids: Sequence[Sequence[int]]) -> Tensor:
    """The sum over rows of the negative log-likelihood of their ids; logs (B, S, V), steps (B,)."""
    return torch.nn.functional.ctc_loss(
        logs.transpose(0, 1),
        torch.tensor([symbol for row in ids for symbol in row]),
        steps,
        torch.tensor([len(row) for row in ids]),
        blank=BLANK,
        reduction="sum",
        zero_infinity=True,  # a string with fewer steps than ids
    )


def pad_frames(sequences: Sequence[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
    """Frames (T, F) of many lengths as (B, T, F), and their lengths (B,)."""
    lengths = torch.tensor([len(frames) for frames in sequences])
    return torch.nn.utils.rnn.pad_sequence([torch.from_numpy(frames) for frames in sequences], True), lengths
