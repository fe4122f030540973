"""Decoding of recordings: what is read, what is refused, and how much memory it takes."""

import io
import tracemalloc

import numpy as np
import pytest
import soundfile

from models.errors import SoundError
from models.sound import SUBTYPES, SoundLimits, read_sound, write_samples, write_sound
from tests.sounds import RATE, file_of, header, hostile, tone

LIMITS = SoundLimits(60, 192_000, 8)


def test_samples_come_out_as_they_went_in() -> None:
    wave = tone()
    for kind in ("WAV", "FLAC"):
        assert np.abs(read_sound(write_sound(wave, RATE, kind), RATE, LIMITS) - wave).max() < 1e-4
    assert np.array_equal(read_sound(file_of(wave, subtype="FLOAT"), RATE, LIMITS), wave)


@pytest.mark.parametrize("kind", SUBTYPES)
def test_what_is_written_sounds_the_same(kind: str) -> None:
    time = np.arange(RATE) / RATE
    wave = 0.5 * np.sin(2 * np.pi * 440 * time).astype(np.float32)
    file = io.BytesIO(write_sound(wave, RATE, kind))
    read, rate = soundfile.read(file, dtype="float32")
    assert rate == RATE
    middle = read[2000:6000]
    assert np.abs(np.fft.rfft(middle, RATE)).argmax() == 440
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.05)


def test_samples_without_a_header() -> None:
    time = np.arange(RATE) / RATE
    content = write_samples(0.5 * np.sin(2 * np.pi * 440 * time).astype(np.float32), RATE, 24_000)
    wave = np.frombuffer(content, "<i2") / 32_767
    assert len(wave) == 24_000
    assert np.abs(np.fft.rfft(wave)).argmax() == 440
    assert np.abs(wave).max() == pytest.approx(0.5, abs=0.05)


def test_channels_are_averaged() -> None:
    left, right = tone(seed=1), tone(seed=2)
    both = read_sound(file_of(np.stack([left, right], 1), subtype="FLOAT"), RATE, LIMITS)
    assert np.allclose(both, (left + right) / 2, atol=1e-6)


def test_a_tone_keeps_its_frequency_at_any_rate() -> None:
    for rate in (16_000, 44_100, 96_000):
        time = np.arange(rate) / rate
        wave = read_sound(file_of(np.sin(2 * np.pi * 440 * time).astype(np.float32), rate), RATE, LIMITS)
        assert len(wave) == pytest.approx(RATE, abs=2)
        assert np.abs(np.fft.rfft(wave, RATE)).argmax() == 440


def test_memory_does_not_grow_with_what_a_file_claims() -> None:
    files = list(hostile(seed=2, count=150))
    long = np.zeros((96_000 * 10, 8), np.float32)
    files.append(("seconds of eight channels", file_of(long, 96_000, "FLAC")))
    del long
    tracemalloc.start()
    for name, content in files:
        try:
            wave = read_sound(content, RATE, LIMITS)
            assert 1 <= len(wave) <= 61 * RATE, name
            assert np.isfinite(wave).all(), name
        except SoundError:
            pass
        assert tracemalloc.get_traced_memory()[1] < 32_000_000, name
    tracemalloc.stop()


def test_what_a_header_claims_is_refused_before_decoding() -> None:
    with pytest.raises(SoundError, match=r"sample rate|no WAV"):
        read_sound(header(8, rate=2**32 - 1) + bytes(16), RATE, LIMITS)
    with pytest.raises(SoundError, match=r"600\.0 s long, by its header; at most 60 s"):
        read_sound(file_of(np.zeros(RATE * 600, np.float32), kind="FLAC"), RATE, LIMITS)
