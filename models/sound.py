"""Recordings as samples: WAV, FLAC and Ogg of any sample rate and number of channels, read with limits.

libsndfile decodes (the package `soundfile`), libsoxr resamples (`soxr`). The header is checked before anything is
decoded, and decoding stops where a file has more than its header says, so that memory is bounded.
"""

import io
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from models.errors import SoundError

FORMATS = ("WAV", "WAVEX", "RF64", "FLAC", "OGG")
"""libsndfile's names of those that are read."""
LOWEST_RATE = 1000
"""Samples a second; below it there is no speech."""
LOUDEST = 1e6
"""A sample of floats beyond it is no sound: full scale is 1."""
BLOCK = 65_536
"""Frames that are decoded at once."""
Wave = NDArray[np.float32]


@dataclass(frozen=True)
class SoundLimits:
    """What a recording may be at most."""

    seconds: float = 3600.0
    sample_rate: int = 768_000
    channels: int = 64


def read_sound(content: bytes, rate: int, limits: SoundLimits) -> Wave:
    """The samples (N,) of a file at a rate, channels averaged; N is at least 1.

    Raises SoundError for a file that is none of the formats, is damaged, empty or silent by its header, is beyond the
    limits, or has samples that are no numbers.
    """
    if not content:
        raise SoundError("it is empty; it must be a WAV, FLAC or Ogg file")
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            _check(file, limits)
            own_rate, most = file.samplerate, int(limits.seconds * file.samplerate)
            resampler = soxr.ResampleStream(own_rate, rate, 1, dtype="float32")
            blocks: list[Wave] = []
            count = 0
            while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
                _check_samples(block)
                mono = block.mean(axis=1, dtype=np.float32)
                blocks.append(resampler.resample_chunk(mono))
                count += len(block)
                if count > most:
                    raise SoundError(f"the recording is longer than {limits.seconds:g} s")
    except (soundfile.LibsndfileError, OSError, ValueError, OverflowError) as error:
        raise SoundError(f"it is no WAV, FLAC or Ogg file that can be read: {_reason(error)}") from None
    if not count:
        raise SoundError("the recording has no samples")
    blocks.append(resampler.resample_chunk(np.empty(0, np.float32), last=True))
    wave: Wave = np.concatenate(blocks)
    return wave if len(wave) else np.zeros(1, np.float32)


SUBTYPES = {"WAV": "PCM_16", "FLAC": "PCM_16", "OGG": "OPUS", "MP3": "MPEG_LAYER_III"}
"""Of the files that are written, how libsndfile encodes the samples."""


def write_sound(wave: Wave, rate: int, kind: str = "WAV") -> bytes:
    """Samples (N,) from -1 to 1 as a file: `WAV` or `FLAC` of 16 bits, `OGG` with Opus, or `MP3`."""
    file = io.BytesIO()
    soundfile.write(file, wave, rate, format=kind, subtype=SUBTYPES[kind])
    return file.getvalue()


def write_samples(wave: Wave, rate: int, new_rate: int) -> bytes:
    """Samples (N,) from -1 to 1 at another rate, as 16 bits each, little-endian, without a header."""
    resampled = soxr.resample(wave, rate, new_rate)
    content: bytes = (np.clip(resampled, -1, 1) * 32_767).astype("<i2").tobytes()
    return content


def _check_samples(block: Wave) -> None:
    """Raise SoundError for samples (N, C) that are no sound."""
    if not np.abs(block).max() <= LOUDEST:  # NaN fails too
        raise SoundError("the recording has samples that are not finite, or far beyond full scale")


def _check(file: soundfile.SoundFile, limits: SoundLimits) -> None:
    if file.format not in FORMATS:
        raise SoundError(f"it is a {file.format} file; WAV, FLAC and Ogg are read")
    if not LOWEST_RATE <= file.samplerate <= limits.sample_rate:
        raise SoundError(
            f"its sample rate is {file.samplerate:,} Hz; from {LOWEST_RATE:,} to {limits.sample_rate:,} are read"
        )
    if file.channels > limits.channels:
        raise SoundError(f"it has {file.channels} channels; at most {limits.channels} are read")
    if file.frames > limits.seconds * file.samplerate:
        raise SoundError(
            f"it is {file.frames / file.samplerate:,.1f} s long, by its header; at most {limits.seconds:g} s are read"
        )


def _reason(error: Exception) -> str:
    """libsndfile's message, which names the file object by its address otherwise."""
    return getattr(error, "error_string", None) or type(error).__name__
