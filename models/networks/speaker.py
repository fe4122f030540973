"""A speaker of words: an LSTM over the frames of a word draws their spectrum, for a voice and a way to say it."""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from models.batch import padding_mask
from models.config import Config, Range
from models.errors import ConfigError
from models.model import Model
from models.networks.recurrent import BidirectionalStack
from models.networks.spectrum import RATE, SampleRate

FLOOR = 1e-4
"""Of a frequency's power, relative to the word's mean: what is softer is not told apart from silence."""
WAVES = 6
"""Sines and cosines that tell a frame its position in the word, each of twice the frequency of the one before."""
LONG = 50.0
"""Frames that divide a word's length where the network reads it, so that it is near 1."""


@dataclass(frozen=True)
class SpeakerConfig(Config):
    """Sizes and voices of a Speaker. Raises ConfigError for a value outside its range."""

    vocabulary: Annotated[int, Range(3, 1_000_000)]
    """Size of the tokenizer, as every model's; the network itself reads words by their index."""
    words: tuple[str, ...]
    voices: tuple[str, ...]
    takes: Annotated[int, Range(1, 1_000_000)]
    """Recordings that it was trained on: of each it keeps style and length."""
    sample_rate: SampleRate = RATE
    """Samples a second."""
    window: Annotated[int, Range(64, 4096)] = 256
    """Samples of a frame's window."""
    hop: Annotated[int, Range(16, 4096)] = 80
    """Samples from one frame to the next."""
    embedding: Annotated[int, Range(1, 4096)] = 32
    """Size of a word's vector, and of a voice's."""
    style: Annotated[int, Range(1, 4096)] = 16
    """Numbers that say how a word is spoken."""
    hidden: Annotated[int, Range(1, 8192)] = 80
    """Units of the recurrent layer, in each direction."""

    def __post_init__(self) -> None:
        for field in ("words", "voices"):
            names = tuple(getattr(self, field))
            object.__setattr__(self, field, names)
            if not names or len(set(names)) != len(names):
                raise ConfigError(f"SpeakerConfig.{field} is {names!r}; it must be one or more different names")
        super().__post_init__()


class Speaker(Model):
    """Word, voice and style to the log-power spectrum of the word's frames.

    The number of frames is known beforehand instead of attention, as in FastSpeech (Ren et al. 2019,
    arXiv:1905.09263). An encoder reads the style from a recording (Skerry-Ryan et al. 2018, arXiv:1803.09047): without
    it, frames would be a blurred mean of all recordings of the word. Buffers keep the styles and lengths of the
    training recordings, from which those of new words are drawn.
    """

    config: SpeakerConfig
    taper: Tensor
    mean: Tensor
    deviation: Tensor
    take_words: Tensor
    take_voices: Tensor
    take_frames: Tensor
    take_styles: Tensor

    def __init__(self, config: SpeakerConfig) -> None:
        super().__init__()
        self.config = config
        positions = 2 * WAVES + 2
        self.words = nn.Embedding(len(config.words), config.embedding)
        self.voices = nn.Embedding(len(config.voices), config.embedding)
        self.listen = nn.Linear(self.bins + positions, 2 * config.hidden)
        self.encode = nn.Linear(2 * config.hidden, config.style)
        self.enter = nn.Linear(2 * config.embedding + config.style + positions, config.hidden)
        self.lstm = BidirectionalStack(config.hidden, config.hidden, 1, nn.Identity())
        self.leave = nn.Linear(2 * config.hidden, 2 * config.hidden)
        self.head = nn.Linear(2 * config.hidden, self.bins)
        self.register_buffer("taper", torch.hann_window(config.window))
        self.register_buffer("mean", torch.zeros(self.bins))
        self.register_buffer("deviation", torch.ones(()))
        for name in ("words", "voices", "frames"):
            self.register_buffer(f"take_{name}", torch.zeros(config.takes, dtype=torch.int64))
        self.register_buffer("take_styles", torch.zeros(config.takes, config.style))

    @property
    def bins(self) -> int:
        """F, the number of frequencies."""
        return self.config.window // 2 + 1

    def forward(self, words: Tensor, voices: Tensor, styles: Tensor, lengths: Tensor) -> Tensor:
        """Normalized log-power (B, T, F) of words (B,) by voices (B,) in styles (B, S), of lengths (B,) in frames.

        Frames beyond a length have no meaning.
        """
        position = _positions(lengths)  # (B, T, P)
        word = torch.cat([self.words(words), self.voices(voices), styles], dim=1)  # (B, I)
        inputs = torch.cat([word.unsqueeze(1).expand(-1, position.shape[1], -1), position], dim=2)
        hidden = self.lstm(torch.relu(self.enter(inputs)), lengths)  # (B, T, 2H)
        frames: Tensor = self.head(torch.relu(self.leave(hidden)))
        return frames

    def styles(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """The styles (B, S), from -1 to 1, of recordings' normalized frames (B, T, F) with lengths (B,)."""
        real = padding_mask(lengths, frames.shape[1]).unsqueeze(2)
        heard = torch.relu(self.listen(torch.cat([frames, _positions(lengths)], dim=2))) * real
        return torch.tanh(self.encode(heard.sum(dim=1) / lengths.unsqueeze(1)))

    def normalize(self, power: Tensor) -> Tensor:
        """Normalized log-power of a recording's power (T, F), whatever its level."""
        return ((power / power.mean() + FLOOR).log() - self.mean) / self.deviation

    def power(self, frames: Tensor) -> Tensor:
        """The power (T, F), relative to the word's mean, of normalized log-power (T, F)."""
        return ((frames * self.deviation + self.mean).exp() - FLOOR).clamp_min(0)


def _positions(lengths: Tensor) -> Tensor:
    """Where frames are in words of lengths (B,), and how long those are: (B, T, 2 * WAVES + 2)."""
    steps = torch.arange(int(lengths.max()), device=lengths.device)
    share = (steps.unsqueeze(0) + 0.5) / lengths.unsqueeze(1)  # (B, T)
    angles = share.unsqueeze(2) * torch.pi * 2.0 ** torch.arange(WAVES, device=lengths.device)  # (B, T, W)
    length = (lengths / LONG).view(-1, 1, 1).expand(-1, len(steps), 1)
    return torch.cat([angles.sin(), angles.cos(), share.unsqueeze(2), length], dim=2)
