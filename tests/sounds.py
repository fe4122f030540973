"""Recordings for tests, and files that are none or pretend to be more."""

import io
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from models.networks.recognizer import Recognizer, RecognizerConfig
from models.networks.speaker import Speaker, SpeakerConfig
from models.sound import Wave
from models.text.digits import DIGITS
from models.text.tokenizers import WordTokenizer
from tests.conftest import save_tiny
from trainer.tasks.spectra import fit_spectrum

RATE = 8000


def tone(seconds: float = 0.5, rate: int = RATE, seed: int = 1) -> Wave:
    """Bursts of two tones in noise."""
    generator = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    low, high = generator.uniform(200, 1500, 2)
    wave = np.sin(2 * np.pi * low * time) * (np.sin(9 * time) > 0) + 0.5 * np.sin(2 * np.pi * high * time)
    return (0.3 * wave + generator.normal(0, 0.01, len(time))).astype(np.float32)


def file_of(wave: NDArray[Any], rate: int = RATE, kind: str = "WAV", subtype: str | None = None) -> bytes:
    """Samples (N,) or (N, C) as a file."""
    file = io.BytesIO()
    soundfile.write(file, wave, rate, format=kind, subtype=subtype)
    return file.getvalue()


def save_tiny_recognizer(directory: Path) -> None:
    """An untrained recognizer of the ten digits."""
    torch.manual_seed(5)
    tokenizer: Any = WordTokenizer([WordTokenizer.END, WordTokenizer.UNKNOWN, *DIGITS["en"]])
    model = Recognizer(RecognizerConfig(tokenizer.size, channels=8, hidden=8))
    fit_spectrum(model.spectrum, RATE, [tone(1.0)])
    save_tiny(directory, model, tokenizer, "en")


def tiny_speaker() -> Speaker:
    """An untrained speaker of the ten digits, in two voices, of four recordings of each word by each voice."""
    torch.manual_seed(7)
    words, voices = DIGITS["en"], ("george", "theo")
    config = SpeakerConfig(len(words) + 2, words, voices, 4 * len(words) * len(voices), embedding=4, style=3, hidden=8)
    model = Speaker(config)
    numbers = torch.arange(config.takes)
    model.take_words.copy_(numbers % len(words))
    model.take_voices.copy_(numbers // len(words) % len(voices))
    model.take_frames.copy_(20 + numbers % 17)
    model.take_styles.copy_(torch.randn(config.takes, config.style))
    return model


def save_tiny_speaker(directory: Path) -> None:
    """`tiny_speaker` as a checkpoint."""
    tokenizer: Any = WordTokenizer([WordTokenizer.END, WordTokenizer.UNKNOWN, *DIGITS["en"]])
    save_tiny(directory, tiny_speaker(), tokenizer, "en")


def header(samples: int = 1 << 29, rate: int = RATE, channels: int = 1, bits: int = 16, form: int = 1) -> bytes:
    """A WAV header that says what it likes about the samples."""
    frame = channels * bits // 8
    size = min(samples * frame, 2**32 - 40)
    return (
        b"RIFF" + struct.pack("<I", min(size + 36, 2**32 - 1)) + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, form, channels % 2**16, rate, rate * frame % 2**32, frame % 2**16, bits)
        + b"data" + struct.pack("<I", size)
    )  # fmt: skip


def hostile(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Names and contents of files that a decoder could stumble over; some are valid."""
    draw = random.Random(seed)
    good = {kind: file_of(tone(), kind=kind) for kind in ("WAV", "FLAC", "OGG")}
    fixed = {
        "nothing": b"",
        "text": b"one two three",
        "png": b"\x89PNG\r\n\x1a\n" + bytes(64),
        "zeros": bytes(1024),
        "a gigabyte by its header": header() + bytes(1000),
        "four gigabytes by its header": header(2**31, bits=16) + bytes(10),
        "no samples": header(0),
        "no samples, FLAC": file_of(np.zeros(0, np.float32), kind="FLAC"),
        "one sample": file_of(np.ones(1, np.float32)),
        "rate 0": header(8, rate=0) + bytes(16),
        "rate 1": header(8, rate=1) + bytes(16),
        "rate 4 GHz": header(8, rate=2**32 - 1) + bytes(16),
        "no channels": header(8, channels=0) + bytes(16),
        "65535 channels": header(2, channels=65_535) + bytes(4 * 65_535),
        "0 bits": header(8, bits=0) + bytes(16),
        "NaN": file_of(np.full(800, np.nan, np.float32), subtype="FLOAT"),
        "infinite": file_of(np.full(800, np.inf, np.float32), subtype="FLOAT"),
        "beyond full scale": file_of(np.full(800, 1e30, np.float32), subtype="FLOAT"),
        "doubles beyond floats": file_of(np.full(800, 1e300), subtype="DOUBLE"),
        "AIFF": file_of(tone(), kind="AIFF"),
        "raw AU": file_of(tone(), kind="AU"),
        "a long silence in little": file_of(np.zeros(RATE * 600, np.float32), kind="FLAC"),
        "silence": file_of(np.zeros(RATE, np.float32)),
        "WAV in a WAV": header(len(good["WAV"]) // 2) + good["WAV"],
        "two Ogg files": good["OGG"] * 2,
        "Ogg in FLAC": good["FLAC"][:42] + good["OGG"],
        "an extensible format": header(8, form=0xFFFE) + bytes(16),
        "an unknown format": header(8, form=0x1234) + bytes(16),
        "chunk of no end": b"RIFF\xff\xff\xff\xffWAVE" + b"LIST\xff\xff\xff\xff" + bytes(200),
    }
    yield from fixed.items()
    for number in range(count - len(fixed)):
        kind = draw.choice(list(good))
        content = bytearray(good[kind])
        if number % 3 == 0:
            yield f"{kind} cut, {number}", bytes(content[: draw.randrange(len(content))])
            continue
        if number % 3 == 1:
            for _ in range(draw.randint(1, 8)):
                content[draw.randrange(min(len(content), 64))] = draw.randrange(256)
            yield f"{kind} with another header, {number}", bytes(content)
            continue
        for _ in range(draw.randint(1, 40)):
            content[draw.randrange(len(content))] = draw.randrange(256)
        yield f"{kind} with other bytes, {number}", bytes(content)
