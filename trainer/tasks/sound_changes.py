"""Changes of recordings in training: cuts, tempo, pitch, loudness, microphone, noise and masks, drawn anew each time.

All work on the power of mel bands, where they are a hundred times cheaper than on the wave; the powers of sounds that
do not depend on each other add up. Every number is drawn from a generator, so that a seed decides them.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from models.config import Config, Range

Floats = NDArray[np.float32]
WARPS = 21
"""Filter banks between the lowest pitch and the highest."""


@dataclass(frozen=True)
class SoundChangesConfig(Config):
    """How strongly recordings are changed in training; 0 everywhere leaves them as they are."""

    tempo: Annotated[float, Range(0.0, 0.9)] = 0.25
    """Recordings are slower or faster by up to this share."""
    pitch: Annotated[float, Range(0.0, 0.9)] = 0.18
    """Frequencies are multiplied by one more or less up to this share, which moves pitch and formants (vocal tract
    length perturbation, Jaitly and Hinton 2013)."""
    cut: Annotated[float, Range(0.0, 0.4)] = 0.0
    """Of each word's frames, up to this share is missing at the start, and as much at the end."""
    loudness_db: Annotated[float, Range(0.0, 60.0)] = 3.0
    """Standard deviation of the level of each word of a string."""
    microphone_db: Annotated[float, Range(0.0, 60.0)] = 5.0
    """Standard deviation of a smooth random frequency response, the same for the whole string."""
    noise_db: Annotated[float, Range(0.0, 120.0)] = 45.0
    """The softest noise is so far below the speech. 0: no noise."""
    loudest_noise_db: Annotated[float, Range(0.0, 120.0)] = 5.0
    """The loudest noise is so far below the speech; the softest at most as far."""
    time_masks: Annotated[int, Range(0, 20)] = 2
    """Masks over time of a string (SpecAugment, Park et al. 2019, arXiv:1904.08779)."""
    time_mask_frames: Annotated[int, Range(0, 100)] = 6
    """Frames of a mask, at most."""
    band_masks: Annotated[int, Range(0, 20)] = 2
    """Masks over mel bands of a string."""
    band_mask_size: Annotated[int, Range(0, 100)] = 6
    """Bands of a mask, at most."""


class SoundChanges:
    """Draws changes and applies them to recordings' power spectra (T, F), whose mel bands it returns."""

    def __init__(self, config: SoundChangesConfig, filters: Floats) -> None:
        """filters are the mel filter bank (M, F)."""
        self.config = config
        factors = 1 + np.linspace(-config.pitch, config.pitch, WARPS)
        self._banks = [warped(filters, factor) for factor in factors]

    def string(
        self, powers: list[Floats], pauses: list[int], generator: np.random.Generator
    ) -> tuple[Floats, list[tuple[int, int]]]:
        """The mel power (T', M) of words of one voice, changed and joined, and the start and end of each in frames.

        pauses are frames of silence before the first word, between words and after the last: one more than words.
        """
        config = self.config
        bank = self._banks[generator.integers(WARPS)]
        tempo = 1 + generator.uniform(-config.tempo, config.tempo)
        bands = len(bank)
        parts, spans, length = [np.zeros((pauses[0], bands), np.float32)], [], pauses[0]
        for power, pause in zip(powers, pauses[1:], strict=True):
            own_tempo = tempo * (1 + generator.uniform(-config.tempo, config.tempo) / 3)
            mel = with_tempo(cut(power, config.cut, generator) @ bank.T, own_tempo)
            level = 10 ** (generator.normal(0.0, config.loudness_db) / 10)
            parts += [mel * (level / max(float(mel.mean()), 1e-10)), np.zeros((pause, bands), np.float32)]
            spans.append((length, length + len(mel)))
            length += len(mel) + pause
        string = np.concatenate(parts) * response(bands, config.microphone_db, generator)
        if config.noise_db:
            decibels = generator.uniform(-config.noise_db, -min(config.loudest_noise_db, config.noise_db))
            string += noise(len(string), bands, generator) * (string.mean() * 10 ** (decibels / 10))
        return string.astype(np.float32), spans

    def mask(self, frames: Floats, generator: np.random.Generator) -> Floats:
        """Normalized frames (T, M), some stretches of time and some bands of which become 0, their mean."""
        length, bands = frames.shape
        frames = frames.copy()
        for start, end in self._masks(self.config.time_masks, self.config.time_mask_frames, length, generator):
            frames[start:end] = 0.0
        for start, end in self._masks(self.config.band_masks, self.config.band_mask_size, bands, generator):
            frames[:, start:end] = 0.0
        return frames

    def _masks(self, count: int, largest: int, size: int, generator: np.random.Generator) -> list[tuple[int, int]]:
        widths = generator.integers(0, min(largest, size // 2) + 1, count)
        starts = [int(generator.integers(0, size - width + 1)) for width in widths]
        return [(start, start + int(width)) for start, width in zip(starts, widths, strict=True)]


def warped(filters: Floats, factor: float) -> Floats:
    """A filter bank (M, F) to which frequencies seem multiplied by a factor.

    Above a recording's highest frequency, its power there goes on.
    """
    bins = filters.shape[1]
    position = np.minimum(np.arange(bins) / factor, bins - 1)  # where the frequency that is seen comes from
    low = np.floor(position).astype(int)
    share = (position - low).astype(np.float32)
    moved = np.zeros_like(filters)
    np.add.at(moved.T, low, (filters * (1 - share)).T)
    np.add.at(moved.T, np.minimum(low + 1, bins - 1), (filters * share).T)
    return moved


def with_tempo(mel: Floats, tempo: float) -> Floats:
    """Frames (T, M) as (T', M), T' being T divided by tempo."""
    count = max(2, round(len(mel) / tempo))
    position = np.linspace(0, len(mel) - 1, count)
    low = position.astype(int)
    share = (position - low).astype(np.float32)[:, None]
    moved: Floats = mel[low] * (1 - share) + mel[np.minimum(low + 1, len(mel) - 1)] * share
    return moved


def response(bands: int, deviation_db: float, generator: np.random.Generator) -> Floats:
    """A smooth random factor of the power of each band (M,)."""
    points = generator.normal(0.0, deviation_db, 6)
    decibels = np.interp(np.linspace(0, 5, bands), np.arange(6), points)
    return (10 ** (decibels / 10)).astype(np.float32)


def noise(frames: int, bands: int, generator: np.random.Generator) -> Floats:
    """The power (T, M) of noise of a random colour, with a mean of 1.

    A band is taken for two frequencies of white noise, each with the exponential distribution.
    """
    slope_db = generator.uniform(-20.0, 5.0)
    colour = 10 ** (np.linspace(0, slope_db, bands) / 10) * response(bands, 4.0, generator)
    power = generator.standard_exponential((2, frames, bands), np.float32).mean(axis=0)
    coloured: Floats = (power * (colour / colour.mean())).astype(np.float32)
    return coloured


def cut(power: Floats, share: float, generator: np.random.Generator) -> Floats:
    """Frames (T, F) without up to a share of them at either end."""
    first, last = (generator.uniform(0.0, share, 2) * len(power)).astype(int)
    return power[first : len(power) - last]
