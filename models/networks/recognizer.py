"""A recognizer of spoken words: log-mel frames, convolution, a bidirectional LSTM, and CTC over whole words."""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from models.batch import padding_mask
from models.config import Config, Range
from models.model import Model
from models.networks.recurrent import BidirectionalStack
from models.networks.spectrum import RATE, SampleRate, Spectrum

FLOOR = 1e-3
"""Of a band's power, relative to the recording's mean."""


@dataclass(frozen=True)
class RecognizerConfig(Config):
    """Sizes of a Recognizer. Raises ConfigError for a value outside its range."""

    vocabulary: Annotated[int, Range(3, 1_000_000)]
    """Words, `<unk>`, and the end token, which is CTC's blank."""
    sample_rate: SampleRate = RATE
    """Samples a second."""
    window: Annotated[int, Range(64, 4096)] = 256
    """Samples of a frame's window."""
    hop: Annotated[int, Range(16, 4096)] = 100
    """Samples from one frame to the next."""
    mel_bands: Annotated[int, Range(8, 256)] = 32
    """Bands of the mel filter bank."""
    kernels: Annotated[int, Range(0, 1024)] = 0
    """Above 0, convolutions over time and frequency, of which the first has so many channels and every second band
    is left after each: the larger of two neighbours, so that a voice's formants may lie a little higher or lower."""
    channels: Annotated[int, Range(1, 4096)] = 64
    """Of the convolutions over time; with kernels, of the second one."""
    stride: Annotated[int, Range(1, 8)] = 4
    """Frames to a step of the LSTM."""
    hidden: Annotated[int, Range(1, 8192)] = 80
    """Units of a recurrent layer, in each direction."""
    layers: Annotated[int, Range(1, 16)] = 1
    """Recurrent layers."""
    dropout: Annotated[float, Range(0.0, 0.95)] = 0.3
    """Dropout of the convolutions' output, between recurrent layers and before the head."""


class Recognizer(Model):
    """Frames to the log-probabilities of words at each step, by connectionist temporal classification (CTC).

    Graves et al. 2006, "Connectionist temporal classification". Two convolutions over time, of which the second one
    has a stride, shorten the sequence before the recurrent layers; with kernels they are over frequency too, as in
    Abdel-Hamid et al. 2014, "Convolutional neural networks for speech recognition".
    """

    config: RecognizerConfig

    def __init__(self, config: RecognizerConfig) -> None:
        super().__init__()
        self.config = config
        self.spectrum = Spectrum(config, FLOOR)
        self.first: nn.Module
        self.second: nn.Module
        if config.kernels:
            early, late = self._strides
            self.first = nn.Conv2d(1, config.kernels, 5, stride=(early, 1), padding=2)
            self.second = nn.Conv2d(config.kernels, config.channels, (5, 3), stride=(late, 1), padding=(2, 1))
            width = config.channels * (config.mel_bands // 4)
        else:
            self.first = nn.Conv1d(config.mel_bands, config.channels, 5, padding=2)
            self.second = nn.Conv1d(config.channels, config.channels, 5, stride=config.stride, padding=2)
            width = config.channels
        self.dropout = nn.Dropout(config.dropout)
        self.lstm = BidirectionalStack(width, config.hidden, config.layers, nn.Dropout(config.dropout))
        self.head = nn.Linear(2 * config.hidden, config.vocabulary)

    @property
    def step_seconds(self) -> float:
        """From one step of its output to the next."""
        return self.config.hop * self.config.stride / self.config.sample_rate

    @property
    def _strides(self) -> tuple[int, int]:
        """Of the convolutions over time and frequency: an even stride is shared, which halves the second one's cost."""
        early = 1 if self.config.stride % 2 else 2
        return early, self.config.stride // early

    def forward(self, power: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities (B, S, V) and numbers of steps (B,) of power spectra (B, T, F) with lengths (B,)."""
        return self.words(self.spectrum(power, lengths), lengths)

    def words(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The same from normalized log-mel frames (B, T, M), 0 at padding."""
        hidden = self._over_frequency(frames, lengths) if self.config.kernels else self._over_time(frames, lengths)
        steps = (lengths - 1) // self.config.stride + 1
        hidden = self.dropout(self.lstm(self.dropout(hidden), steps))  # (B, S, 2H)
        return self.head(hidden).float().log_softmax(dim=-1), steps

    def _over_time(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Frames (B, T, M) as (B, S, C); padding never reaches a step."""
        real = padding_mask(lengths, frames.shape[1]).unsqueeze(1)  # (B, 1, T)
        hidden = torch.relu(self.first(frames.transpose(1, 2))) * real  # (B, C, T)
        return torch.relu(self.second(hidden)).transpose(1, 2)  # (B, S, C)

    def _over_frequency(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Frames (B, T, M) as (B, S, C * M / 4); padding never reaches a step."""
        hidden = torch.relu(self.first(frames.unsqueeze(1)))  # (B, K, T', M)
        real = padding_mask((lengths - 1) // self._strides[0] + 1, hidden.shape[2]).unsqueeze(1).unsqueeze(-1)
        hidden = max_pool2d(hidden * real, (1, 2))  # (B, K, T', M / 2)
        hidden = max_pool2d(torch.relu(self.second(hidden)), (1, 2))  # (B, C, S, M / 4)
        return hidden.transpose(1, 2).flatten(2)
