"""What a network draws, unchosen."""

import numpy as np
from numpy.typing import NDArray

from models.networks.pixel_rnn import PixelRNN
from models.png import grid_of, png_of
from models.runtime.pixel_rnn import DEFAULT_GUIDANCE, PixelRuntime, RowRule
from models.sampling import random_key, uniforms

DRAWINGS = "drawings.png"
COLUMNS = 8
SCALE = 3


def draw(
    runtime: PixelRuntime, classes: NDArray[np.int64], seed: int = 1, guidance: float = DEFAULT_GUIDANCE
) -> NDArray[np.uint8]:
    """An image (H, W) of each class (B,), as `/draw` draws the choices of a request with that seed: (B, H, W)."""
    config, batch = runtime.config, len(classes)
    above = config.window_rows
    pixels = np.zeros((batch, above + config.height, config.width), np.uint8)
    keys = np.array([[random_key(seed, index)] for index in range(batch)], np.uint64)  # (B, 1)
    state, scale, none = runtime.start(batch), np.ones(batch), np.zeros(batch, bool)
    guide = np.full(batch, guidance)
    for row in range(config.height):
        steps = np.arange(row * config.width, (row + 1) * config.width, dtype=np.uint64)  # (W,)
        rule = RowRule(uniforms(keys, steps), scale, none, pixels[:, 0], guide)
        drawn, _, state = runtime.draw_row(classes, pixels[:, row : row + above], state, rule)
        pixels[:, above + row] = drawn
    return pixels[:, above:]


def sample_grid(model: PixelRNN, count: int = 64) -> bytes:
    """A PNG of so many images, of each class in turn."""
    classes = np.arange(count) % len(model.config.classes)
    images = draw(PixelRuntime(model), classes)
    rows = [["".join(map(str, row)) for row in image.tolist()] for image in images]
    return png_of(grid_of(rows, COLUMNS), SCALE)
