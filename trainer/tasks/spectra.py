"""The filter bank and the normalization of a Spectrum, which its checkpoint keeps."""

from collections.abc import Iterable

import torch

from models.errors import ConfigError
from models.networks.spectrum import Spectrum
from models.sound import Wave


def fit_spectrum(spectrum: Spectrum, rate: int, waves: Iterable[Wave]) -> None:
    """Fill a Spectrum's buffers: librosa's mel filter bank, and the mean and deviation of each band over waves (N,).

    Raises ConfigError where there are so many bands that some would have no frequency.
    """
    import librosa  # noqa: PLC0415 (it takes seconds)

    bands = len(spectrum.filters)
    filters = librosa.filters.mel(sr=rate, n_fft=spectrum.window, n_mels=bands)
    if not filters.any(axis=1).all():
        raise ConfigError(f"mel_bands is {bands}: too many for a window of {spectrum.window} samples")
    with torch.no_grad():
        spectrum.filters.copy_(torch.from_numpy(filters))
        powers = [spectrum.power(torch.from_numpy(wave)) for wave in waves]
        frames = torch.cat([spectrum(power.unsqueeze(0), torch.tensor([len(power)]))[0] for power in powers])
        spectrum.mean.copy_(frames.mean(dim=0))
        spectrum.deviation.copy_(frames.std(dim=0))
