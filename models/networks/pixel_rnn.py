"""A recurrent network that draws images pixel by pixel: PixelRNN in two levels."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import torch
from torch import Tensor, nn

from models.config import Config, Range
from models.model import Model
from models.networks.recurrent import make_lstm


@dataclass(frozen=True)
class PixelRNNConfig(Config):
    """Sizes of a PixelRNN. Raises ConfigError for a value outside its range."""

    vocabulary: Annotated[int, Range(2, 1_000_000)]
    classes: tuple[tuple[str, ...], ...]
    """Of each class the words that name it in a prompt."""
    height: Annotated[int, Range(1, 256)] = 28
    """Rows of an image."""
    width: Annotated[int, Range(1, 256)] = 28
    """Pixels of a row."""
    embedding: Annotated[int, Range(1, 1024)] = 16
    """Size of a class's vector."""
    row_hidden: Annotated[int, Range(1, 4096)] = 192
    """Units of the LSTM over rows."""
    row_features: Annotated[int, Range(1, 1024)] = 16
    """Features that each pixel gets from the LSTM over rows."""
    window_rows: Annotated[int, Range(1, 64)] = 6
    """Rows above a pixel that its window shows."""
    window_side: Annotated[int, Range(0, 64)] = 5
    """Pixels on each side of it that the window shows."""
    window_features: Annotated[int, Range(1, 4096)] = 64
    """Features of a window."""
    context: Annotated[int, Range(1, 4096)] = 40
    """Features of window and rows together, which the LSTM over pixels reads."""
    hidden: Annotated[int, Range(1, 4096)] = 64
    """Units of the LSTM over the pixels of a row."""
    head: Annotated[int, Range(1, 4096)] = 32
    """Units between that LSTM and the probability."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "classes", tuple(tuple(names) for names in self.classes))  # JSON has lists


class RowContext(NamedTuple):
    """What the pixels of a row are conditioned on from the rows above."""

    features: Tensor
    """(B, T, W, context)"""
    state: tuple[Tensor, Tensor]
    """Of the LSTM over rows, (1, B, row_hidden) each, after T rows."""


class PixelRNN(Model):
    """An LSTM over rows, and one over the pixels of each row, which gives each pixel its probability of being 1.

    After van den Oord et al. 2016 (arXiv:1601.06759). Their Row LSTM convolves the state of the row above at each
    step; here the LSTM over rows reads a whole row at a step and its state has no columns, and a convolution shows
    each pixel a window of the rows above. The LSTM over pixels reads both and the pixel to the left. In training the
    rows of all images run side by side, so both LSTMs run in fused kernels. Images are binary.
    """

    config: PixelRNNConfig

    def __init__(self, config: PixelRNNConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(len(config.classes) + 1, config.embedding)  # the last one: no class
        self.rows = make_lstm(config.width + config.embedding, config.row_hidden)
        self.columns = nn.Linear(config.row_hidden, config.width * config.row_features)
        self.window = nn.Linear(config.window_rows * (2 * config.window_side + 1), config.window_features)
        self.mix = nn.Linear(config.window_features + config.row_features, config.context)
        self.pixels = make_lstm(config.context + 1, config.hidden)
        self.head = nn.Linear(config.hidden + config.context, config.head)
        self.score = nn.Linear(config.head, 1)

    @property
    def no_class(self) -> int:
        """The index of images of any class."""
        return len(self.config.classes)

    def forward(self, images: Tensor, classes: Tensor) -> Tensor:
        """Score each pixel by those before it, row by row from the top left.

        images are (B, H, W) of 0 and 1, classes (B,) int64. Returns logits (B, H, W) of a pixel being 1.
        """
        batch, height, width = images.shape
        images = images.float()
        padded = nn.functional.pad(images, (0, 0, self.config.window_rows, 0))  # (B, R + H, W)
        features, _ = self.row_context(padded[:, :-1], classes)  # (B, H, W, context)
        left = nn.functional.pad(images, (1, 0))[:, :, :-1].unsqueeze(-1)  # (B, H, W, 1)
        inputs = torch.cat([features, left], -1).flatten(0, 1)  # (BH, W, context + 1)
        hidden, _ = self.pixels(inputs)  # (BH, W, hidden)
        features = torch.cat([hidden, inputs[..., :-1]], -1)  # (BH, W, hidden + context)
        logits: Tensor = self.score(self.head(features).relu())  # (BH, W, 1)
        return logits.view(batch, height, width)

    def row_context(self, above: Tensor, classes: Tensor, state: tuple[Tensor, Tensor] | None = None) -> RowContext:
        """The context of T rows.

        above (B, window_rows - 1 + T, W) are the rows from the first one's window on to the row above the last one.
        """
        config = self.config
        steps = above.shape[1] - config.window_rows + 1
        kind = self.embedding(classes).unsqueeze(1).expand(-1, steps, -1)  # (B, T, E)
        hidden, state = self.rows(torch.cat([above[:, -steps:], kind], -1), state)  # (B, T, row_hidden)
        columns = self.columns(hidden).unflatten(-1, (config.width, config.row_features))  # (B, T, W, row_features)
        window = self.window(windows(above, config.window_rows, config.window_side))  # (B, T, W, window_features)
        features = self.mix(torch.cat([window, columns], -1).relu()).relu()
        return RowContext(features, state)


def windows(above: Tensor, rows: int, side: int) -> Tensor:
    """The windows of above (B, rows - 1 + T, W): (B, T, W, rows * (2 * side + 1)), each row by row, with 0 outside."""
    padded = nn.functional.pad(above, (side, side))
    return padded.unfold(1, rows, 1).unfold(2, 2 * side + 1, 1).flatten(-2)  # (B, T, W, rows, 2 * side + 1)
