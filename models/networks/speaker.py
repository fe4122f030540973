"""A speaker of words: durations, then an LSTM that draws the spectrum of each word frame by frame."""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from models.config import Config, Range
from models.errors import ConfigError
from models.model import Model
from models.networks.spectrum import RATE, SampleRate

WAVES = 6
"""Sines and cosines, each of twice the frequency before, that tell a frame its position in the word."""


@dataclass(frozen=True)
class SpeakerConfig(Config):
    """Sizes and voices of a Speaker. Raises ConfigError for a value outside its range."""

    vocabulary: Annotated[int, Range(3, 1_000_000)]
    """Words, `<unk>`, and the end token."""
    voices: tuple[str, ...]
    takes: Annotated[int, Range(1, 1_000_000)]
    """Recordings that it was trained on: each has a vector, which says how a word is spoken."""
    sample_rate: SampleRate = RATE
    """Samples a second."""
    window: Annotated[int, Range(64, 4096)] = 256
    """Samples of a frame's window."""
    hop: Annotated[int, Range(16, 4096)] = 64
    """Samples from one frame to the next."""
    embedding: Annotated[int, Range(1, 4096)] = 48
    """Size of a word's vector, and of a voice's."""
    manner: Annotated[int, Range(1, 4096)] = 16
    """Size of a take's vector."""
    hidden: Annotated[int, Range(1, 8192)] = 128
    """Units of the recurrent layer."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "voices", tuple(self.voices))
        if not self.voices or len(set(self.voices)) != len(self.voices):
            raise ConfigError(f"SpeakerConfig.voices is {self.voices!r}; it must be one or more different names")
        super().__post_init__()


class Speaker(Model):
    """Word, voice and manner to the log-power spectrum of the word's frames.

    Durations instead of attention, as in FastSpeech (Ren et al. 2019, arXiv:1905.09263); the vector of each take is
    learned with the weights (generative latent optimization, Bojanowski et al. 2017, arXiv:1707.05776), so that frames
    are those of one way to say a word and not a blurred mean of all.
    """

    config: SpeakerConfig
    mean: Tensor
    deviation: Tensor
    take_words: Tensor
    take_voices: Tensor
    take_frames: Tensor

    def __init__(self, config: SpeakerConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.vocabulary, config.embedding)
        self.voices = nn.Embedding(len(config.voices), config.embedding)
        self.manners = nn.Embedding(config.takes, config.manner)
        nn.init.normal_(self.manners.weight, std=0.1)
        inputs = 2 * config.embedding + config.manner + 2 * WAVES + 2
        self.enter = nn.Linear(inputs, config.hidden)
        self.lstm = nn.LSTM(config.hidden, config.hidden, batch_first=True, bidirectional=True)
        self.leave = nn.Linear(2 * config.hidden, config.hidden)
        self.head = nn.Linear(config.hidden, self.bins)
        self.register_buffer("mean", torch.zeros(self.bins))
        self.register_buffer("deviation", torch.ones(self.bins))
        self.register_buffer("take_words", torch.zeros(config.takes, dtype=torch.int64))
        self.register_buffer("take_voices", torch.zeros(config.takes, dtype=torch.int64))
        self.register_buffer("take_frames", torch.zeros(config.takes, dtype=torch.int64))

    @property
    def bins(self) -> int:
        """F, the number of frequencies."""
        return self.config.window // 2 + 1

    def forward(self, words: Tensor, voices: Tensor, manners: Tensor, lengths: Tensor) -> Tensor:
        """Normalized log-power (B, T, F) of words (B,) by voices (B,) in manners (B, D), of lengths (B,) in frames.

        Frames beyond a length have no meaning.
        """
        steps = torch.arange(int(lengths.max()), device=words.device)  # (T,)
        whole = torch.cat([self.words(words), self.voices(voices), manners], dim=1)  # (B, I)
        position = self._position(steps, lengths)  # (B, T, W)
        inputs = torch.cat([whole.unsqueeze(1).expand(-1, len(steps), -1), position], dim=2)
        hidden = torch.relu(self.enter(inputs))
        packed = nn.utils.rnn.pack_padded_sequence(hidden, lengths.cpu(), batch_first=True, enforce_sorted=False)
        hidden, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        frames: Tensor = self.head(torch.relu(self.leave(hidden)))
        return frames

    def _position(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Where steps (T,) are in words of lengths (B,): (B, T, 2 * WAVES + 2)."""
        share = (steps.unsqueeze(0) + 0.5) / lengths.unsqueeze(1)  # (B, T)
        angles = share.unsqueeze(2) * torch.pi * 2.0 ** torch.arange(WAVES, device=steps.device)  # (B, T, W)
        length = (lengths.float() / 50).view(-1, 1, 1).expand(-1, len(steps), 1)
        return torch.cat([angles.sin(), angles.cos(), share.unsqueeze(2), length], dim=2)
