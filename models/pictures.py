"""Pictures of a line of digits, brought into the form that a captioner reads: MNIST's, white ink on black paper."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HEIGHT = 28
"""Rows, as of MNIST's images."""
INK_HEIGHT = 22
"""Rows that the ink of a line fills; a digit alone has 20 in MNIST, and those of a line are shifted."""
MARGIN = 4
"""Columns of paper before the ink and after it."""
MULTIPLE = 4
"""The width is a multiple of so many columns."""
MAX_WIDTH = 448
"""Columns; five digits with wide gaps have 200."""
DETAIL = 4
"""Strokes are measured and thickened on so many times the resolution."""
STROKE = 2.5
"""Rows: the least width of strokes, as of a thin pen in MNIST's images."""
MIN_CONTRAST = 24
"""Of ink and paper, of 255."""
EXTREMES = 16
"""So many pixels must be as bright or dark as the ink: fewer are specks."""


class UnreadablePicture(ValueError):
    """A picture with nothing in it that could be a line of digits."""


@dataclass(frozen=True)
class Line:
    """pixels (28, W) uint8, ink 255. Its column c shows the columns of the original from left + c * scale on."""

    pixels: NDArray[np.uint8]
    left: float
    scale: float


def normalize(gray: NDArray[np.uint8]) -> Line:
    """Bring a picture (H, W), dark on light or light on dark, into a captioner's form: contrast, crop, size, stroke.

    The paper is what most pixels have, and the ink what differs most from it. Raises UnreadablePicture.
    """
    ink = _ink(gray)
    top, bottom, left, right = _bounds(ink)
    rows = bottom - top
    if (right - left) * INK_HEIGHT < rows / 2:  # a single stroke of a fine pen needs room to be thickened
        room = round(rows / INK_HEIGHT)
        ink = np.pad(ink, ((0, 0), (room, room)))
        cut, left, columns = ink[top:bottom, left : right + 2 * room], left - room, right - left + 2 * room
    else:
        cut, columns = ink[top:bottom, left:right], right - left
    width = max(1, round(columns * INK_HEIGHT / rows))
    if width + 2 * MARGIN > MAX_WIDTH:
        raise UnreadablePicture(f"its ink is {columns / rows:.0f} times as wide as high; it must be one line of digits")
    detailed = _resized(cut, width * DETAIL, INK_HEIGHT * DETAIL)
    line = _resized(_thickened(detailed / max(float(detailed.max()), 1e-3)), width, INK_HEIGHT)
    total = -(-(width + 2 * MARGIN) // MULTIPLE) * MULTIPLE
    pixels = np.zeros((HEIGHT, total), np.uint8)
    above = (HEIGHT - INK_HEIGHT) // 2
    pixels[above : above + INK_HEIGHT, MARGIN : MARGIN + width] = np.round(255 * np.clip(line, 0, 1))
    scale = columns / width
    return Line(pixels, left - MARGIN * scale, scale)


def _ink(gray: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How far each pixel is ink, from 0 to 1."""
    values = gray.astype(np.float32)
    difference = values - float(np.median(gray))
    ordered = np.partition(difference, (min(EXTREMES, difference.size - 1), max(0, difference.size - EXTREMES)), None)
    darkest = -float(ordered[min(EXTREMES, difference.size - 1)])
    brightest = float(ordered[max(0, difference.size - EXTREMES)])
    contrast = max(darkest, brightest)
    if contrast < MIN_CONTRAST:
        raise UnreadablePicture("it has the same brightness everywhere, and no digits")
    ink: NDArray[np.float32] = np.clip((difference if brightest > darkest else -difference) / contrast, 0, 1)
    return ink


def _bounds(ink: NDArray[np.float32]) -> tuple[int, int, int, int]:
    """The first row and column with ink, and those after the last; pixels without neighbours are specks."""
    mask = np.pad(ink > 0.5, 1).astype(np.uint8)
    rows = mask[:-2] + mask[1:-1] + mask[2:]
    solid = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] >= 3) & (mask[1:-1, 1:-1] > 0)
    if not solid.any():
        raise UnreadablePicture("it has specks alone, and no digits")
    down, across = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    return int(down[0]), int(down[-1]) + 1, int(across[0]), int(across[-1]) + 1


def _resized(values: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    resized = Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32)


def _thickened(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Strokes at least as wide as STROKE: those of a fine pen in a large picture would fade when it is reduced."""
    mask = ink > 0.5
    edges = int((mask[:, 1:] != mask[:, :-1]).sum() + (mask[1:] != mask[:-1]).sum())
    width = 2.5 * mask.sum() / max(1, edges)  # of a stroke w wide and l long: area w l, edges 2 l, more where it slants
    missing = round(STROKE * DETAIL - width)
    for step in range(min(missing, 2 * DETAIL)):
        ink = ink.copy()
        if step % 2:
            np.maximum(ink[1:], ink[:-1], out=ink[1:])
            np.maximum(ink[:, 1:], ink[:, :-1], out=ink[:, 1:])
        else:
            np.maximum(ink[:-1], ink[1:], out=ink[:-1])
            np.maximum(ink[:, :-1], ink[:, 1:], out=ink[:, :-1])
    return ink
