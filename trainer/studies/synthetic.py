"""How long a memory lasts: the adding and the copy problem, and how far back in time a loss reaches."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.errors import ConfigError
from models.networks.recurrent import CELLS

SYMBOLS, COPIED = 8, 10
"""Of the copy problem: how many different ones there are, and how many are to be remembered."""


class Reader(nn.Module):
    """One recurrent layer, an LSTM as the models have it, and a linear map of what it says."""

    def __init__(self, cell: str, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.layer = CELLS[cell](inputs, hidden)
        self.head = nn.Linear(hidden, outputs)

    def forward(self, inputs: Tensor, last: int) -> Tensor:
        """Read inputs (B, T, I); return what is said at the last steps, (B, last, O)."""
        hidden, _ = self.layer(inputs)  # (B, T, H)
        said: Tensor = self.head(hidden[:, -last:])
        return said


@dataclass(frozen=True)
class Problem:
    """A task that can't be done without remembering.

    draw(rows, length, random) gives inputs (B, T, inputs) and what is wanted; score is what is asked for, and
    solved says from which on it counts as done. top is where the axis of a picture ends: what is beyond, of a step that
    went astray, would flatten the rest.
    """

    name: str
    inputs: int
    outputs: int
    last: int
    draw: Callable[[int, int, torch.Generator], tuple[Tensor, Tensor]]
    loss: Callable[[Tensor, Tensor], Tensor]
    score: Callable[[Tensor, Tensor], float]
    solved: Callable[[float], bool]
    unit: str
    top: float


def _draw_sums(rows: int, length: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Numbers in [0, 1) beside marks, one mark in each half: the sum of the marked ones is wanted, (B, 1, 1)."""
    values = torch.rand(rows, length, generator=random)
    half = length // 2
    first = torch.randint(0, half, (rows, 1), generator=random)
    second = torch.randint(half, length, (rows, 1), generator=random)
    marks = torch.zeros(rows, length).scatter_(1, torch.cat([first, second], dim=1), 1.0)
    return torch.stack([values, marks], dim=2), (values * marks).sum(dim=1).view(rows, 1, 1)


def _draw_copies(rows: int, length: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Ten symbols, `length` blanks, a sign to begin, and ten steps to say the symbols again: (B, 10) is wanted."""
    wanted = torch.randint(0, SYMBOLS, (rows, COPIED), generator=random)
    blank, begin = SYMBOLS, SYMBOLS + 1
    blanks = torch.full((rows, length - 1), blank)
    after = torch.full((rows, COPIED), blank)
    ids = torch.cat([wanted, blanks, torch.full((rows, 1), begin), after], dim=1)  # (B, length + 20)
    return nn.functional.one_hot(ids, SYMBOLS + 2).float(), wanted


def _cross_entropy(said: Tensor, wanted: Tensor) -> Tensor:
    return nn.functional.cross_entropy(said.flatten(0, 1), wanted.flatten())


PROBLEMS = {
    "adding": Problem(
        "adding", 2, 1, 1, _draw_sums, nn.functional.mse_loss,
        lambda said, wanted: float(nn.functional.mse_loss(said, wanted)), lambda score: score < 0.01,
        "mean squared error (0.167: always 1)", 0.4,
    ),
    "copy": Problem(
        "copy", SYMBOLS + 2, SYMBOLS, COPIED, _draw_copies, _cross_entropy,
        lambda said, wanted: float((said.argmax(dim=-1) == wanted).float().mean()), lambda score: score > 0.99,
        f"share of symbols recalled ({1 / SYMBOLS:g}: guessing)", 1.02,
    ),
}  # fmt: skip
"""adding: Hochreiter and Schmidhuber 1997, with numbers and marks as of Arjovsky et al. 2016 (arXiv:1511.06464), from
which copy is too."""


@dataclass(frozen=True)
class Schooling:
    """How a Reader is trained. clip is the greatest norm of a step's gradient, 0 for none; truncate is through how many
    steps back it goes, 0 for all."""

    steps: int = 3000
    rows: int = 64
    learning_rate: float = 2e-3
    clip: float = 1.0
    truncate: int = 0


def train(
    reader: Reader, problem: Problem, length: int, how: Schooling, seed: int, every: int = 100
) -> Iterator[tuple[int, float]]:
    """Train by Adam; yield the step and the score on 500 fresh examples, now and then and at the end.

    Ends early where the problem is solved three times in a row.
    """
    random = torch.Generator().manual_seed(seed)
    fresh = problem.draw(500, length, torch.Generator().manual_seed(seed + 1))
    optimizer = torch.optim.Adam(reader.parameters(), how.learning_rate)
    in_a_row = 0
    for step in range(1, how.steps + 1):
        inputs, wanted = problem.draw(how.rows, length, random)
        if how.truncate:
            said, _ = _read_stepwise(reader, inputs, problem.last, how.truncate)
        else:
            said = reader(inputs, problem.last)
        optimizer.zero_grad()
        problem.loss(said, wanted).backward()  # type: ignore[no-untyped-call]
        if how.clip:
            nn.utils.clip_grad_norm_(reader.parameters(), how.clip)
        optimizer.step()
        if step % every == 0 or step == how.steps:
            with torch.no_grad():
                score = problem.score(reader(fresh[0], problem.last), fresh[1])
            yield step, score
            in_a_row = in_a_row + 1 if problem.solved(score) else 0
            if in_a_row == 3 or not math.isfinite(score):
                return


def gradient_norms(reader: Reader, problem: Problem, length: int, seed: int, truncate: int = 0) -> list[float]:
    """How strongly the loss at the last steps depends on the memory 0, 1, 2, … steps before the end.

    Each is the norm of the loss's gradient by the whole memory of a step (of an LSTM, hidden state and cell), the root
    mean square over 64 examples. Beyond where backpropagation is truncated, it is 0.
    """
    inputs, wanted = problem.draw(64, length, torch.Generator().manual_seed(seed))
    reader.zero_grad()
    said, memories = _read_stepwise(reader, inputs, problem.last, truncate)
    (problem.loss(said, wanted) * len(inputs)).backward()  # type: ignore[no-untyped-call]
    norms = []
    for memory in reversed(memories):
        parts = [torch.zeros(1) if part.grad is None else part.grad.square().sum() for part in memory]
        norms.append(math.sqrt(float(sum(parts)) / len(inputs)))
    return norms


def _read_stepwise(reader: Reader, inputs: Tensor, last: int, truncate: int) -> tuple[Tensor, list[tuple[Tensor, ...]]]:
    """As Reader.forward, with the memory after each step; gradients go `truncate` steps back, all where it is 0."""
    state: Tensor | tuple[Tensor, Tensor] | None = None
    said: list[Tensor] = []
    memories: list[tuple[Tensor, ...]] = []
    steps = inputs.shape[1]
    for step in range(steps):
        if truncate and step == steps - truncate and state is not None:
            state = state.detach() if isinstance(state, Tensor) else (state[0].detach(), state[1].detach())
        _, state = reader.layer(inputs[:, step : step + 1], state)
        memory = (state,) if isinstance(state, Tensor) else tuple(state)
        if torch.is_grad_enabled():
            for part in memory:
                part.retain_grad()
        memories.append(memory)
        if step >= steps - last:
            said.append(memory[0].transpose(0, 1))  # (B, 1, H)
    return reader.head(torch.cat(said, dim=1)), memories


def names_of(wanted: Sequence[str], known: Sequence[str], what: str) -> list[str]:
    """The names wanted, or all. Raises ConfigError for one that is not known."""
    for name in wanted:
        if name not in known:
            raise ConfigError(f"{what} is {name!r}; it must be {', '.join(known)}")
    return list(wanted) or list(known)
