"""The runtime of a speaker."""

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from models.griffin_lim import griffin_lim
from models.networks.speaker import Speaker
from models.sampling import random_key, uniforms

LOUDNESS = 0.08
"""The root of a word's mean power, where full scale is 1."""
PAUSE_S = 0.1
"""Between words."""
SHORTEST = 6
"""Frames of a word, at least."""


class FloatSpeaker:
    """A Speaker's module in float32, one word at a time: exact, since nothing depends on other words."""

    precision, exact = "float32", True

    def __init__(self, model: Speaker) -> None:
        self.model, self.device, self.config = model, model.mean.device, model.config

    @cached_property
    def _takes(self) -> dict[tuple[int, int], NDArray[np.int64]]:
        """The training recordings of each word and voice."""
        words, voices = self.model.take_words.cpu().numpy(), self.model.take_voices.cpu().numpy()
        pairs = {(int(word), int(voice)) for word, voice in zip(words, voices, strict=True)}
        return {pair: np.flatnonzero((words == pair[0]) & (voices == pair[1])) for pair in pairs}

    def silence(self, seconds: float) -> NDArray[np.float32]:
        """Samples of silence."""
        return np.zeros(round(seconds * self.config.sample_rate), np.float32)

    def speak(self, word: int, voice: int, seed: int, number: int, speed: float) -> NDArray[np.float32]:
        """Samples (N,) of a word by a voice, both by index; seed and number, its index in a text, decide how.

        Style and length lie between those of two training recordings of the word by the voice.
        """
        takes = self._takes[word, voice]
        key = np.full(3, random_key(seed, number), np.uint64)
        first, second, share = uniforms(key, np.arange(3, dtype=np.uint64))
        one, other = (takes[int(uniform * len(takes))] for uniform in (first, second))
        styles, frames = self.model.take_styles, self.model.take_frames
        style = torch.lerp(styles[one], styles[other], share)
        length = max(SHORTEST, round(float(torch.lerp(frames[one].float(), frames[other].float(), share)) / speed))
        ids = (torch.tensor([index], device=self.device) for index in (word, voice))
        drawn = self.model(*ids, style.unsqueeze(0), torch.tensor([length], device=self.device))[0]  # (T, F)
        wave = griffin_lim(self.model.power(drawn).sqrt(), self.model.taper, self.config.hop)
        samples: NDArray[np.float32] = wave.cpu().numpy()
        level = LOUDNESS / max(float(np.sqrt(np.square(samples).mean())), 1e-6)
        clipped: NDArray[np.float32] = np.clip(samples * np.float32(level), -1.0, 1.0)
        return clipped
