"""From a wave to log-mel frames: one computation for training and serving, whose tables are saved with the weights."""

from typing import Annotated, Protocol

import torch
from torch import Tensor, nn

from models.batch import padding_mask
from models.config import Range

RATE = 8000
"""Samples a second that every model of sound works with."""
SampleRate = Annotated[int, Range(RATE, RATE)]
SILENCE = 1e-10
"""Power below which a recording is digital silence: it is not amplified any further."""


class SpectrumConfig(Protocol):
    """The part of a model's config that a Spectrum needs."""

    @property
    def window(self) -> int:
        """Samples of a frame's window, which is also the size of its Fourier transform."""

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""

    @property
    def mel_bands(self) -> int: ...


class Spectrum(nn.Module):
    """Hann window, power spectrum, mel filter bank, logarithm; bands are normalized by mean and deviation.

    A recording's level does not matter: its power is divided by its mean first. The filter bank and the
    normalization are buffers, which the trainer fills and a checkpoint keeps.
    """

    taper: Tensor
    filters: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, config: SpectrumConfig, floor: float) -> None:
        """floor is the least power of a band, relative to the recording's mean power: what is softer is not told
        apart from silence."""
        super().__init__()
        self.window, self.hop, self.floor = config.window, config.hop, floor
        self.register_buffer("taper", torch.hann_window(config.window))
        self.register_buffer("filters", torch.zeros(config.mel_bands, self.bins))
        self.register_buffer("mean", torch.zeros(config.mel_bands))
        self.register_buffer("deviation", torch.ones(config.mel_bands))

    @property
    def bins(self) -> int:
        """F, the number of frequencies."""
        return self.window // 2 + 1

    def frames(self, samples: int) -> int:
        """T, the number of frames of so many samples."""
        return samples // self.hop + 1

    def power(self, wave: Tensor) -> Tensor:
        """The power of frequencies: (N,) or (B, N) samples to (T, F) or (B, T, F)."""
        spectrum = torch.stft(
            wave, self.window, self.hop, window=self.taper, center=True, pad_mode="constant", return_complex=True
        )
        return spectrum.abs().square().transpose(-1, -2)

    def forward(self, power: Tensor, lengths: Tensor) -> Tensor:
        """Normalized log-mel frames (B, T, M) of power (B, T, F) with lengths (B,) in frames; 0 at padding."""
        return self.normalize(power @ self.filters.T, lengths)

    def normalize(self, mel: Tensor, lengths: Tensor) -> Tensor:
        """The same from the power of mel bands (B, T, M)."""
        real = padding_mask(lengths, mel.shape[1]).unsqueeze(-1)  # (B, T, 1)
        mel = mel * real
        level = mel.sum(dim=(1, 2), keepdim=True) / (lengths.view(-1, 1, 1) * mel.shape[-1])  # (B, 1, 1)
        logarithm = (mel / level.clamp_min(SILENCE) + self.floor).log()
        return (logarithm - self.mean) / self.deviation * real
