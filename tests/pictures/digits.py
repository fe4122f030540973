"""Handwriting for tests, drawn rather than copied: each digit is a few strokes."""

import gzip
import io
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

STROKES = {
    0: [[(6, 4), (13, 4), (16, 10), (13, 22), (7, 23), (4, 14), (6, 4)]],
    1: [[(10, 4), (10, 23)]],
    2: [[(4, 8), (9, 4), (15, 8), (4, 23), (16, 23)]],
    3: [[(4, 4), (15, 6), (8, 12), (16, 18), (4, 23)]],
    4: [[(12, 23), (12, 4), (3, 17), (17, 17)]],
    5: [[(15, 4), (5, 4), (5, 12), (15, 15), (14, 22), (4, 23)]],
    6: [[(14, 4), (5, 14), (8, 23), (15, 18), (5, 15)]],
    7: [[(3, 4), (16, 4), (8, 23)]],
    8: [[(10, 13), (4, 8), (10, 4), (15, 8), (4, 19), (10, 23), (16, 19), (10, 13)]],
    9: [[(14, 12), (5, 10), (9, 4), (15, 6), (13, 23)]],
}


def draw_digit(digit: int, seed: int = 0) -> NDArray[np.uint8]:
    """A digit (28, 28), ink 255, each seed in another hand."""
    generator = np.random.default_rng([seed, digit])
    image = Image.new("L", (28, 28))
    for stroke in STROKES[digit]:
        points = [(x + 4 + generator.uniform(-1, 1), y + generator.uniform(-1, 1)) for x, y in stroke]
        ImageDraw.Draw(image).line(points, 255, width=2, joint="curve")
    return np.asarray(image)


def draw_line(digits: list[int], seed: int = 0) -> NDArray[np.uint8]:
    """Digits side by side, (28, 28 N), ink 255."""
    return np.concatenate([draw_digit(digit, seed) for digit in digits], axis=1)


def png(pixels: NDArray[np.uint8], **options: object) -> bytes:
    return encoded(Image.fromarray(pixels), "PNG", **options)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, form, **options)
    return content.getvalue()


def write_mnist(folder: Path, count: int) -> None:
    """Files like MNIST's, of so many drawn digits."""
    labels = np.arange(count) % 10
    images = np.stack([draw_digit(int(label), seed) for seed, label in enumerate(labels)])
    for name, array in (("train-images-idx3", images), ("train-labels-idx1", labels.astype(np.uint8))):
        head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        (folder / f"{name}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes(), 1))
