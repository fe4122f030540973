"""Training a speaker on recordings of words."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from models.batch import padding_mask
from models.config import Config, Range
from models.errors import DataError
from models.networks.speaker import Speaker
from models.sound import Wave
from trainer.data.recordings import Spoken
from trainer.data.store import IdArray
from trainer.loop.trainer import Task

QUIET = 1e-3
"""Of a recording's loudest frame: softer frames before and after the word are cut off."""
LOWEST_HZ = 125.0
"""Of what counts as loud: below it there is the hum of mains, which some recordings have more of than of speech."""
VALIDATION_BATCH = 64


@dataclass(frozen=True)
class SpeakingTaskConfig(Config):
    """How recordings are batched and varied."""

    batch_size: Annotated[int, Range(1, 100_000)] = 32
    """Recordings of a batch."""
    style_noise: Annotated[float, Range(0.0, 10.0)] = 0.1
    """Standard deviation of noise on styles, which lie between -1 and 1, so that styles between those of two
    recordings are words too."""


@dataclass(frozen=True)
class Takes:
    """Recordings of a word each: indices of words (N,) and of voices (N,), and power spectra (T, F), trimmed."""

    words: Tensor
    voices: Tensor
    powers: Sequence[Tensor]

    @property
    def lengths(self) -> Tensor:
        return torch.tensor([len(power) for power in self.powers])


def read_takes(spoken: Sequence[Spoken], model: Speaker) -> Takes:
    """Recordings as a model sees them. Raises DataError for one that can't be read, or that the model does not know."""
    config = model.config
    for kind, known, names in (
        ("word", config.words, {one.text for one in spoken}),
        ("voice", config.voices, {one.voice for one in spoken}),
    ):
        if unknown := sorted(names - set(known)):
            raise DataError(f"the validation data has the {kind} {unknown[0]!r}, which no training recording has")
    return Takes(
        torch.tensor([config.words.index(one.text) for one in spoken]),
        torch.tensor([config.voices.index(one.voice) for one in spoken]),
        [trimmed_power(one.wave(config.sample_rate), model.taper, config.hop, config.sample_rate) for one in spoken],
    )


def words_and_voices(spoken: Sequence[Spoken]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words and the voices of recordings, sorted. Raises DataError where a voice does not say all words."""
    words, voices = ({getattr(one, name) for one in spoken} for name in ("text", "voice"))
    pairs = {(one.text, one.voice) for one in spoken}
    for missing in ((word, voice) for word in sorted(words) for voice in sorted(voices)):
        if missing not in pairs:
            raise DataError(f"no recording has the word {missing[0]!r} by {missing[1]!r}; each voice says all")
    return tuple(sorted(words)), tuple(sorted(voices))


def trimmed_power(wave: Wave, taper: Tensor, hop: int, rate: int) -> Tensor:
    """The power spectrum (T, F) of samples (N,) at a rate, without quiet frames before and after the word.

    A constant offset of the samples is taken away.
    """
    size = len(taper)
    centered = torch.from_numpy(wave - wave.mean())
    spectrum = torch.stft(centered, size, hop, window=taper, pad_mode="constant", return_complex=True)
    power = spectrum.abs().square().T
    loudness = power[:, round(LOWEST_HZ * size / rate) :].sum(dim=1)
    loud = (loudness > loudness.max() * QUIET).nonzero()
    first, last = (int(loud[0]), int(loud[-1])) if len(loud) else (0, len(power) - 1)
    return power[first : last + 1].contiguous()


def fit_speaker(model: Speaker, takes: Takes) -> None:
    """Fill a Speaker's buffers but the styles, which follow from its weights."""
    with torch.no_grad():
        model.take_words.copy_(takes.words)
        model.take_voices.copy_(takes.voices)
        model.take_frames.copy_(takes.lengths)
        logarithms = torch.cat([model.normalize(power) for power in takes.powers])
        model.mean.copy_(logarithms.mean(dim=0))
        model.deviation.copy_((logarithms - model.mean).std())


class SpeakingTask(Task[IdArray, IdArray]):
    """Recordings of words; the metric is how far their log-power is from what the model makes of their own style."""

    metric = "distance"
    unit = "frames"
    higher_is_better = False
    model: Speaker

    def __init__(self, model: Speaker, train: Takes, valid: Takes, config: SpeakingTaskConfig, seed: int) -> None:
        self.model, self.train, self.valid, self.config, self.seed = model, train, valid, config, seed
        fit_speaker(model, train)
        self.lengths = train.lengths
        with torch.no_grad():
            self._frames = [model.normalize(power) for power in train.powers]
            self._valid_frames = [model.normalize(power) for power in valid.powers]

    def batches(self, epoch: int) -> Sequence[IdArray]:
        generator = np.random.default_rng([self.seed, epoch])
        # of about the same length, but not always with the same ones
        order = np.argsort(self.lengths.numpy() * generator.uniform(0.8, 1.25, len(self.lengths)))
        size = self.config.batch_size
        groups = [order[first : first + size] for first in range(0, len(order), size)]
        return [groups[index] for index in generator.permutation(len(groups))]

    def parts(self, batch: IdArray, count: int) -> Sequence[IdArray]:
        return [part for part in np.array_split(batch, count) if len(part)]

    def targets(self, part: IdArray) -> int:
        return int(self.lengths[torch.from_numpy(part)].sum())

    def loss(self, part: IdArray) -> Tensor:
        return self._distance(self.train, [self._frames[index] for index in part], torch.from_numpy(part), noisy=True)

    def validate(self) -> dict[str, float]:
        total = 0.0
        for first in range(0, len(self._valid_frames), VALIDATION_BATCH):
            some = self._valid_frames[first : first + VALIDATION_BATCH]
            rows = torch.arange(first, first + len(some))
            total += float(self._distance(self.valid, some, rows, noisy=False)) * sum(map(len, some))
        return {"distance": total / sum(map(len, self._valid_frames))}

    def _distance(self, takes: Takes, frames: Sequence[Tensor], rows: Tensor, noisy: bool) -> Tensor:
        """The mean distance of the frames (T, F) of recordings, whose indices are rows, and those of the model."""
        device = self.model.mean.device
        lengths = torch.tensor([len(one) for one in frames], device=device)
        target = torch.nn.utils.rnn.pad_sequence(list(frames), batch_first=True).to(device)  # (B, T, F)
        styles = self.model.styles(target, lengths)
        if noisy:
            styles = styles + self.config.style_noise * torch.randn_like(styles)
        drawn = self.model(takes.words[rows].to(device), takes.voices[rows].to(device), styles, lengths)
        real = padding_mask(lengths, target.shape[1]).unsqueeze(2)
        distance: Tensor = ((drawn - target).abs() * real).sum() / (lengths.sum() * target.shape[2])
        return distance

    def export(self, weights: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Also fill the buffer of the styles, which follow from the weights."""
        encoder = copy.deepcopy(self.model)
        encoder.load_state_dict(weights, strict=False)
        with torch.no_grad():
            for index, frames in enumerate(self._frames):
                lengths = torch.tensor([len(frames)], device=frames.device)
                self.model.take_styles[index] = encoder.styles(frames.unsqueeze(0), lengths)[0]
        return weights, {}
