"""Pictures of several digits in a line, composed from images of one digit each, in the form that a captioner reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.pictures import HEIGHT, MARGIN, normalize


@dataclass(frozen=True)
class Distortion:
    """How far digits and pictures vary: the half-widths of uniform distributions, unless said otherwise."""

    line_scale: float
    """Of all digits of a picture together."""
    scale: float
    """Of each digit, on top of that; its width and height vary by half as much again, apart."""
    rotation: float
    """In radians."""
    shear: float
    shift: float
    """Of each digit up or down, in rows."""
    gap: tuple[int, int]
    """Columns between two digits' ink; below 0 they overlap."""
    noise: float
    """The highest standard deviation of the Gaussian noise."""
    stroke: float
    """Of the exponent of the ink's brightness, in octaves: thinner and thicker strokes."""


TRAINED = Distortion(0.15, 0.15, 0.25, 0.25, 2.0, (-2, 14), 0.15, 0.8)
MEASURED = Distortion(0.05, 0.1, 0.0, 0.0, 1.5, (0, 10), 0.1, 0.0)
"""Different spacing, slight scale, shift and noise."""


@dataclass(frozen=True)
class Lines:
    """Pictures (B, 28, W) float32 from 0 (paper) to 1, padded with paper, their widths (B,) in columns, and the
    digits of each."""

    pictures: Tensor
    widths: Tensor
    digits: list[list[int]]


def compose(
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    lengths: NDArray[np.int64],
    distortion: Distortion,
    generator: np.random.Generator,
) -> Lines:
    """Pictures with lengths[i] random digits each, from images (N, 28, 28) and their labels (N,).

    They are normalized as the service normalizes what it is sent.
    """
    chosen = generator.integers(0, len(images), int(lengths.sum()))
    line = np.repeat(np.arange(len(lengths)), lengths)  # the picture of each digit
    digits = _distorted(images[chosen], line, len(lengths), distortion, generator)
    gaps = generator.integers(distortion.gap[0], distortion.gap[1] + 1, len(chosen))
    cuts = [_ink(digit) for digit in digits]
    starts, widths = _positions([cut.shape[1] for cut in cuts], gaps, line, len(lengths))
    papers = [np.zeros((HEIGHT, width), np.float32) for width in widths]
    for cut, start, row in zip(cuts, starts, line, strict=True):
        part = papers[row][:, start : start + cut.shape[1]]
        np.maximum(part, cut, out=part)
    pixels = [normalize(_noisy(paper, distortion.noise, generator)).pixels for paper in papers]
    split = np.split(labels[chosen], np.cumsum(lengths)[:-1])
    return Lines(*_padded(pixels), [part.tolist() for part in split])


def _distorted(
    images: NDArray[np.uint8],
    line: NDArray[np.int64],
    lines: int,
    distortion: Distortion,
    generator: np.random.Generator,
) -> NDArray[np.float32]:
    """Images (N, 28, 28) from 0 to 1, each scaled, rotated, sheared and shifted."""

    def uniform(width: float, count: int = len(images)) -> NDArray[np.float64]:
        return generator.uniform(-width, width, count)

    scale = np.exp(uniform(distortion.line_scale, lines)[line] + uniform(distortion.scale))
    across, down = (scale * np.exp(uniform(distortion.scale / 2)) for _ in range(2))
    angle, shear = uniform(distortion.rotation), uniform(distortion.shear)
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix = np.zeros((len(images), 2, 3))  # from a pixel of the result to one of the image
    matrix[:, 0, 0], matrix[:, 0, 1] = cosine / across, (sine + shear) / across
    matrix[:, 1, 0], matrix[:, 1, 1] = -sine / down, cosine / down
    matrix[:, 1, 2] = uniform(distortion.shift) / (HEIGHT / 2)
    grid = torch.nn.functional.affine_grid(
        torch.from_numpy(matrix.astype(np.float32)), [len(images), 1, HEIGHT, HEIGHT + 8], align_corners=False
    )
    grid[..., 0] *= (HEIGHT + 8) / HEIGHT  # room for wider digits
    ink = torch.from_numpy(images.astype(np.float32) / 255).unsqueeze(1)  # (N, 1, 28, 28)
    sampled = torch.nn.functional.grid_sample(ink, grid, align_corners=False).squeeze(1)  # (N, 28, 36)
    exponent = torch.from_numpy(np.exp2(uniform(distortion.stroke, lines)[line]).astype(np.float32))
    result: NDArray[np.float32] = sampled.clamp(0, 1).pow(exponent.view(-1, 1, 1)).numpy()
    return result


def _ink(digit: NDArray[np.float32]) -> NDArray[np.float32]:
    """The columns from the first to the last with ink."""
    columns = np.flatnonzero(digit.max(axis=0) > 0.1)
    return digit[:, columns[0] : columns[-1] + 1] if len(columns) else digit


def _positions(
    digit_widths: list[int], gaps: NDArray[np.int64], line: NDArray[np.int64], lines: int
) -> tuple[list[int], list[int]]:
    """The first column of each digit, and the width of each picture."""
    starts, ends = [], [0] * lines
    for width, gap, row in zip(digit_widths, gaps.tolist(), line.tolist(), strict=True):
        start = max(ends[row] + gap, 0) if ends[row] else MARGIN
        starts.append(start)
        ends[row] = start + width
    return starts, [end + MARGIN for end in ends]


def _noisy(paper: NDArray[np.float32], highest: float, generator: np.random.Generator) -> NDArray[np.uint8]:
    """A picture (28, W) with Gaussian noise of a random standard deviation, as bytes."""
    noise = generator.standard_normal(paper.shape, np.float32) * generator.uniform(0, highest)
    pixels: NDArray[np.uint8] = np.round(255 * np.clip(paper + noise, 0, 1)).astype(np.uint8)
    return pixels


def _padded(pixels: Sequence[NDArray[np.uint8]]) -> tuple[Tensor, Tensor]:
    """Pictures (B, 28, W) from 0 to 1, and their widths (B,)."""
    widths = [picture.shape[1] for picture in pixels]
    padded = np.zeros((len(pixels), HEIGHT, max(widths)), np.float32)
    for row, picture in enumerate(pixels):
        padded[row, :, : picture.shape[1]] = picture / 255
    return torch.from_numpy(padded), torch.tensor(widths)
