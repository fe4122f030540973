"""A PixelRNN that draws a whole row of pixels at a time, in NumPy: PyTorch takes longer to start 784 small steps."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.networks.pixel_rnn import PixelRNN
from models.networks.recurrent import lstm_weights

Floats = NDArray[np.float32]
GREEDY_SCALE = 1e30
"""A greedy pixel is drawn as all others are: scaled by so much, its logit leaves no doubt but at 0."""
LARGEST_LOGIT = 60.0
"""Beyond it a pixel's probability is 0 or 1 in double precision."""


DEFAULT_GUIDANCE = 0.5


class RowState(NamedTuple):
    """What the next row depends on beside the rows of its window: the LSTM over rows, (B, 2, row_hidden) each.

    Of each image one that knows its class, and one that knows none, which guidance compares it with.
    """

    hidden: Floats
    cell: Floats


@dataclass(frozen=True)
class RowRule:
    """How the pixels of a row are chosen.

    uniform (B, W) float64 are random numbers in [0, 1); scale (B,) is 1 / temperature, and GREEDY_SCALE takes the
    likelier value, where uniform is 0.5. known (B,) says of which images the row is `pixels` (B, W), of 0 and 1.
    guidance (B,) is how often the difference that the class makes to a logit is added to it: classifier-free guidance
    (Ho and Salimans 2022, arXiv:2207.12598).
    """

    uniform: NDArray[np.float64]
    scale: NDArray[np.float64]
    known: NDArray[np.bool_]
    pixels: NDArray[np.uint8]
    guidance: NDArray[np.float64]


class PixelRuntime:
    """Draws rows of a batch of images.

    Batch-invariant: each product is of one image's matrices, whose sizes the batch does not change.
    """

    precision, exact, device = "float32", True, torch.device("cpu")

    def __init__(self, model: PixelRNN) -> None:
        self.config = model.config
        self._embedding = _array(model.embedding.weight)  # (classes + 1, E)
        self._rows_input, self._rows_hidden, self._rows_bias = _packed(model.rows)
        self._columns, self._window, self._mix, self._head = map(
            _linear, (model.columns, model.window, model.mix, model.head)
        )
        pixels_input, pixels_hidden, self._pixels_bias = _packed(model.pixels)
        self._pixels_context, self._pixels_left = pixels_input[:-1], pixels_input[-1]
        score, self._score_bias = _linear(model.score)
        self._score = score[:, 0]
        hidden = self.config.hidden
        # one product serves both what the next pixel's gates and what this pixel's score take from the hidden state
        self._from_hidden = np.ascontiguousarray(np.hstack([pixels_hidden, self._head[0][:hidden]]))
        self._head_context = np.ascontiguousarray(self._head[0][hidden:])

    def start(self, rows: int) -> RowState:
        """The state before the first row of images."""
        zeros = np.zeros((rows, 2, self.config.row_hidden), np.float32)
        return RowState(zeros, zeros)

    def draw_row(
        self, classes: NDArray[np.int64], above: NDArray[np.uint8], state: RowState, rule: RowRule
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64], RowState]:
        """Draw the next row of each image.

        classes (B,) index the model's, len(classes) of which is none; above (B, R, W) are the rows of the window, 0
        above the image. Returns pixels (B, W), logits (B, W) of their being 1, before guidance and temperature, and
        the state.
        """
        batch, width = len(above), self.config.width
        branches = 2 if rule.guidance.any() else 1  # N = branches * B rows: each image once more, without its class
        rows = np.concatenate([above.astype(np.float32)] * branches)
        kinds = np.concatenate([classes, np.full((branches - 1) * batch, len(self._embedding) - 1)])
        read, state = self._step_rows(np.concatenate([rows[:, -1], self._embedding[kinds]], axis=1), state)
        context = self._context(rows, read)  # (N, W, context)
        gates = _product(context, self._pixels_context) + self._pixels_bias  # (N, W, 4H)
        heads = _product(context, self._head_context) + self._head[1]  # (N, W, head)
        pixels, logits = np.empty((batch, width), np.uint8), np.empty((batch, width))
        hidden = self.config.hidden
        cell, left = np.zeros((len(rows), hidden), np.float32), np.zeros((len(rows), 1), np.float32)
        from_hidden = np.zeros((len(rows), self._from_hidden.shape[1]), np.float32)
        for column in range(width):
            step = gates[:, column] + from_hidden[:, : 4 * hidden] + left * self._pixels_left
            output, cell = _cell(step, cell)
            from_hidden = _product(output[:, None], self._from_hidden)[:, 0]
            features = np.maximum(heads[:, column] + from_hidden[:, 4 * hidden :], 0)  # (N, head)
            scores = (_product(features[:, None], self._score[:, None])[:, 0, 0] + self._score_bias).astype(np.float64)
            logits[:, column] = scores[:batch]
            guided = scores[:batch] + rule.guidance * (scores[:batch] - scores[-batch:])
            pixels[:, column] = _choose(guided, rule, column)
            left = np.concatenate([pixels[:, column, None].astype(np.float32)] * branches)
        return pixels, logits, state

    def _step_rows(self, inputs: Floats, state: RowState) -> tuple[Floats, RowState]:
        """Read the row above each image's next, inputs (N, W + E): those of one branch after those of the other.

        Returns the hidden states (N, row_hidden) and the state.
        """
        batch = len(state.hidden)
        branches = range(len(inputs) // batch)
        hidden, cell = (np.concatenate([part[:, branch] for branch in branches]) for part in state)
        products = _product(inputs[:, None], self._rows_input) + _product(hidden[:, None], self._rows_hidden)
        hidden, cell = _cell(products[:, 0] + self._rows_bias, cell)
        after = RowState(state.hidden.copy(), state.cell.copy())
        for branch in branches:
            own = slice(branch * batch, (branch + 1) * batch)
            after.hidden[:, branch], after.cell[:, branch] = hidden[own], cell[own]
        return hidden, after

    def _context(self, rows: Floats, hidden: Floats) -> Floats:
        """What a row's pixels are conditioned on, (B, W, context): rows (B, R, W), and the state (B, row_hidden)."""
        config = self.config
        side = config.window_side
        padded = np.pad(rows, ((0, 0), (0, 0), (side, side)))
        shown = np.lib.stride_tricks.sliding_window_view(padded, 2 * side + 1, axis=2)  # (B, R, W, 2 * side + 1)
        flat = np.ascontiguousarray(shown.transpose(0, 2, 1, 3)).reshape(len(rows), config.width, -1)
        window = _product(flat, self._window[0]) + self._window[1]
        columns = (_product(hidden[:, None], self._columns[0])[:, 0] + self._columns[1]).reshape(
            len(rows), config.width, config.row_features
        )
        features = np.maximum(np.concatenate([window, columns], axis=2), 0)
        context: Floats = np.maximum(_product(features, self._mix[0]) + self._mix[1], 0)
        return context


def _array(tensor: torch.Tensor) -> Floats:
    return np.ascontiguousarray(tensor.detach().float().cpu().numpy())


def _linear(layer: nn.Linear) -> tuple[Floats, Floats]:
    """The weights of a linear layer, (inputs, outputs), and its bias."""
    return _array(layer.weight.T), _array(layer.bias)


def _packed(layer: nn.Module) -> tuple[Floats, Floats, Floats]:
    """An LSTM's weights (inputs, 4H) and (H, 4H), and its bias.

    Those of the gates are halved: sigmoid(x) is (1 + tanh(x / 2)) / 2, so that one tanh computes gates and candidates.
    """
    weights = lstm_weights(layer)
    size = weights.recurrent.shape[1]
    half = torch.full((4 * size,), 0.5)
    half[2 * size : 3 * size] = 1.0
    return (
        _array(weights.input.cpu().T * half),
        _array(weights.recurrent.cpu().T * half),
        _array(weights.bias.cpu() * half),
    )


def _product(vectors: Floats, weights: Floats) -> Floats:
    """vectors (B, N, I) times weights (I, O): NumPy multiplies the matrices of one image after the other."""
    product: Floats = np.matmul(vectors, weights)
    return product


def _cell(gates: Floats, cell: Floats) -> tuple[Floats, Floats]:
    """A step of an LSTM whose gates (B, 4H) are packed as `_packed` does: its hidden state and its cell (B, H)."""
    size = cell.shape[1]
    values = np.tanh(gates)
    opened = values * np.float32(0.5) + np.float32(0.5)
    after = opened[:, size : 2 * size] * cell + opened[:, :size] * values[:, 2 * size : 3 * size]
    return opened[:, 3 * size :] * np.tanh(after), after


def _choose(logits: NDArray[np.float64], rule: RowRule, column: int) -> NDArray[Any]:
    """The pixels (B,) of a column."""
    scaled = np.clip(logits * rule.scale, -LARGEST_LOGIT, LARGEST_LOGIT)
    drawn = rule.uniform[:, column] < 1 / (1 + np.exp(-scaled))
    return np.where(rule.known, rule.pixels[:, column], drawn)
