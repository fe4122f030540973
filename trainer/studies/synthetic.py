"""Synthetic tasks that need long memory: the adding and the copy problem, and a small recurrent model to learn them."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.errors import ConfigError
from models.networks.recurrent import CELLS

SYMBOLS, COPIED = 8, 10
"""Of the copy problem: the number of different symbols, and how many of them are to be copied."""
SOLVED_IN_A_ROW = 3


class RecurrentModel(nn.Module):
    """One recurrent layer and a linear head on its hidden states."""

    def __init__(self, cell: str, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.layer = CELLS[cell](inputs, hidden)
        self.head = nn.Linear(hidden, outputs)

    def forward(self, inputs: Tensor, last: int) -> Tensor:
        """Read inputs (B, T, I); return the outputs of the last steps, (B, last, O)."""
        hidden, _ = self.layer(inputs)  # (B, T, H)
        outputs: Tensor = self.head(hidden[:, -last:])
        return outputs


def run_stepwise(
    model: RecurrentModel, inputs: Tensor, last: int, truncate: int
) -> tuple[Tensor, list[tuple[Tensor, ...]]]:
    """As RecurrentModel.forward, with the state after each step; gradients go `truncate` steps back, all where it is 0.

    A state is the hidden state (1, B, H), and of an LSTM the cell (1, B, H).
    """
    state: Tensor | tuple[Tensor, Tensor] | None = None
    hidden: list[Tensor] = []
    states: list[tuple[Tensor, ...]] = []
    steps = inputs.shape[1]
    for step in range(steps):
        if truncate and step == steps - truncate and state is not None:
            state = state.detach() if isinstance(state, Tensor) else (state[0].detach(), state[1].detach())
        _, state = model.layer(inputs[:, step : step + 1], state)
        parts = (state,) if isinstance(state, Tensor) else tuple(state)
        if torch.is_grad_enabled():
            for part in parts:
                part.retain_grad()
        states.append(parts)
        if step >= steps - last:
            hidden.append(parts[0].transpose(0, 1))  # (B, 1, H)
    return model.head(torch.cat(hidden, dim=1)), states


@dataclass(frozen=True)
class SyntheticTask:
    """A task that can't be solved without memory.

    sample(rows, length, generator) gives inputs (B, T, inputs) and targets for the last steps; score is what is
    reported, and solved decides from which score on the task counts as solved. axis_top limits the axis of a plot:
    a single diverged step would flatten the rest.
    """

    name: str
    inputs: int
    outputs: int
    last: int
    sample: Callable[[int, int, torch.Generator], tuple[Tensor, Tensor]]
    loss: Callable[[Tensor, Tensor], Tensor]
    score: Callable[[Tensor, Tensor], float]
    solved: Callable[[float], bool]
    unit: str
    axis_top: float


def _sample_adding(rows: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Numbers in [0, 1) beside marks, one mark in each half; the target (B, 1, 1) is the sum of the marked numbers."""
    values = torch.rand(rows, length, generator=generator)
    half = length // 2
    first = torch.randint(0, half, (rows, 1), generator=generator)
    second = torch.randint(half, length, (rows, 1), generator=generator)
    marks = torch.zeros(rows, length).scatter_(1, torch.cat([first, second], dim=1), 1.0)
    return torch.stack([values, marks], dim=2), (values * marks).sum(dim=1).view(rows, 1, 1)


def _sample_copy(rows: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Ten symbols, `length` - 1 blanks, a start sign, ten steps for the output; the targets (B, 10) are the symbols."""
    targets = torch.randint(0, SYMBOLS, (rows, COPIED), generator=generator)
    blank, start = SYMBOLS, SYMBOLS + 1
    blanks = torch.full((rows, length - 1), blank)
    after = torch.full((rows, COPIED), blank)
    ids = torch.cat([targets, blanks, torch.full((rows, 1), start), after], dim=1)  # (B, length + 20)
    return nn.functional.one_hot(ids, SYMBOLS + 2).float(), targets


def _cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())


TASKS = {
    "adding": SyntheticTask(
        "adding", 2, 1, 1, _sample_adding, nn.functional.mse_loss,
        lambda outputs, targets: float(nn.functional.mse_loss(outputs, targets)), lambda score: score < 0.01,
        "mean squared error (0.167: always 1)", 0.4,
    ),
    "copy": SyntheticTask(
        "copy", SYMBOLS + 2, SYMBOLS, COPIED, _sample_copy, _cross_entropy,
        lambda outputs, targets: float((outputs.argmax(dim=-1) == targets).float().mean()), lambda score: score > 0.99,
        f"share of symbols recalled ({1 / SYMBOLS:g}: guessing)", 1.02,
    ),
}  # fmt: skip
"""adding: Hochreiter and Schmidhuber 1997, with inputs as in Arjovsky et al. 2016 (arXiv:1511.06464), where copy is
from too."""


@dataclass(frozen=True)
class TrainConfig:
    """How a RecurrentModel is trained. clip_norm bounds the gradient's norm, 0 for no clipping; truncate is the number
    of steps of backpropagation through time, 0 for all."""

    steps: int = 3000
    batch_size: int = 64
    learning_rate: float = 2e-3
    clip_norm: float = 1.0
    truncate: int = 0


def train(
    model: RecurrentModel, task: SyntheticTask, length: int, config: TrainConfig, seed: int, evaluate_every: int = 100
) -> Iterator[tuple[int, float]]:
    """Train with Adam; yield the step and the score on 500 test examples every so many steps and at the end.

    Stops early once the task is solved at three evaluations in a row.
    """
    generator = torch.Generator().manual_seed(seed)
    test = task.sample(500, length, torch.Generator().manual_seed(seed + 1))
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate)
    solved_in_a_row = 0
    for step in range(1, config.steps + 1):
        inputs, targets = task.sample(config.batch_size, length, generator)
        if config.truncate:
            outputs, _ = run_stepwise(model, inputs, task.last, config.truncate)
        else:
            outputs = model(inputs, task.last)
        optimizer.zero_grad()
        task.loss(outputs, targets).backward()  # type: ignore[no-untyped-call]
        if config.clip_norm:
            nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
        optimizer.step()
        if step % evaluate_every == 0 or step == config.steps:
            with torch.no_grad():
                score = task.score(model(test[0], task.last), test[1])
            yield step, score
            solved_in_a_row = solved_in_a_row + 1 if task.solved(score) else 0
            if solved_in_a_row == SOLVED_IN_A_ROW or not math.isfinite(score):
                return


def require_names(names: Sequence[str], known: Sequence[str], option: str) -> list[str]:
    """The names, or all known ones if there are none. Raises ConfigError for an unknown name."""
    for name in names:
        if name not in known:
            raise ConfigError(f"{option} is {name!r}; it must be {', '.join(known)}")
    return list(names) or list(known)
