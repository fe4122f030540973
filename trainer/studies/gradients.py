"""`carousel-train gradients`: vanishing and exploding gradients of an RNN, a GRU and an LSTM, over time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from models.json_text import dumps, finite
from models.networks.recurrent import CELLS
from trainer.report.plots import gradients_over_time
from trainer.studies.output import make_folder, write, write_csv
from trainer.studies.synthetic import TASKS, RecurrentModel, SyntheticTask, TrainConfig, run_stepwise, train

ADDING = TASKS["adding"]
TRUNCATED = 25
STEPS_SHOWN = (10, 25, 50, 100)
DIGITS = 3
"""Of a number in gradients.json."""


@dataclass(frozen=True)
class Gradients:
    """Of a loss: norms of its gradient by the state 0, 1, 2, … steps before the end, and the norm by all weights.

    weights is what clipping compares with its limit: where it is larger, all gradients are made smaller by one factor.
    """

    norms: list[float]
    weights: float


@dataclass(frozen=True)
class Condition:
    """Under which gradients are measured: after a training, or without one, from recurrent weights `scale` as large."""

    name: str
    title: str
    scale: float
    training: TrainConfig | None
    truncate: int = 0


Measured = Mapping[Condition, Mapping[str, Gradients]]
"""By condition and cell."""


def measure_gradients(
    model: RecurrentModel, task: SyntheticTask, length: int, seed: int, truncate: int = 0
) -> Gradients:
    """The gradients of the loss on 64 examples.

    By the whole state of a step (of an LSTM, hidden state and cell), the root mean square over the examples; by the
    weights, of the mean loss, as in training. Beyond where backpropagation is truncated, states have 0.
    """
    inputs, targets = task.sample(64, length, torch.Generator().manual_seed(seed))
    model.zero_grad()
    outputs, states = run_stepwise(model, inputs, task.last, truncate)
    (task.loss(outputs, targets) * len(inputs)).backward()  # type: ignore[no-untyped-call]
    norms = []
    for state in reversed(states):
        parts = [torch.zeros(1) if part.grad is None else part.grad.square().sum() for part in state]
        norms.append(math.sqrt(float(sum(parts)) / len(inputs)))
    by_weights = [weight.grad for weight in model.parameters() if weight.grad is not None]
    return Gradients(norms, float(torch.nn.utils.get_total_norm(by_weights)) / len(inputs))


def run_gradients(folder: Path, length: int, hidden: int, steps: int, gain: float, seed: int, console: Console) -> None:
    """Measure the gradients of each cell on the adding problem, before and after training.

    Once from the usual initial weights, where gradients vanish, and once with recurrent weights `gain` times as
    large, where an RNN's explode (Pascanu et al. 2013, arXiv:1211.5063). Writes gradients.csv, gradients.png and
    gradients.json, which the page's lecture shows, into the folder. Raises DataError where it can't be created.
    """
    make_folder(folder)
    measured = {
        condition: {cell: _gradients(cell, condition, length, hidden, seed) for cell in CELLS}
        for condition in _conditions(TrainConfig(steps=steps), gain)
    }
    console.print(_table(measured, [back for back in STEPS_SHOWN if back < length]))
    write_csv(folder / "gradients.csv", _rows(measured))
    title = f"adding problem, {length} steps, {hidden} units"
    norms = {condition.title: {cell: one.norms for cell, one in cells.items()} for condition, cells in measured.items()}
    write(folder / "gradients.png", gradients_over_time(norms, title))
    write(folder / "gradients.json", _for_page(measured, title))
    console.print(f"made {folder / 'gradients.csv'}, .png and .json", markup=False, highlight=False)


def _conditions(clipped: TrainConfig, gain: float) -> list[Condition]:
    trainings: list[tuple[str, str, TrainConfig | None, int]] = [
        ("untrained", "untrained", None, 0),
        ("clipped", "trained, clipped", clipped, 0),
        ("unclipped", "trained, not clipped", replace(clipped, clip_norm=0.0), 0),
        ("truncated", f"trained, truncated to {TRUNCATED}", replace(clipped, truncate=TRUNCATED), TRUNCATED),
    ]
    scales = ((1.0, "", ""), (gain, "large ", f"weights × {gain:g}, "))
    return [
        Condition(prefix + name, before + title, scale, training, truncate)
        for scale, prefix, before in scales
        for name, title, training, truncate in trainings
    ]


def _gradients(cell: str, condition: Condition, length: int, hidden: int, seed: int) -> Gradients:
    torch.manual_seed(seed)
    model = RecurrentModel(cell, ADDING.inputs, hidden, ADDING.outputs)
    with torch.no_grad():
        model.layer.get_parameter("weight_hh_l0").mul_(condition.scale)
    for _ in train(model, ADDING, length, condition.training, seed) if condition.training else ():
        pass
    return measure_gradients(model, ADDING, length, seed + 2, condition.truncate)


def _table(measured: Measured, shown: Sequence[int]) -> Table:
    steps = (f"{back} back" for back in shown)
    table = Table("the gradient over that of the last step", "cell", *steps, "norm by the weights")
    for condition, cells in measured.items():
        for cell, one in cells.items():
            shares = (f"{one.norms[back] / one.norms[0]:.0e}" for back in shown)
            table.add_row(condition.title, cell, *shares, f"{one.weights:.0e}")
    return table


def _rows(measured: Measured) -> list[dict[str, Any]]:
    return [
        {"way": condition.title, "cell": cell, "steps_back": back, "norm": norm, "weights_norm": one.weights}
        for condition, cells in measured.items()
        for cell, one in cells.items()
        for back, norm in enumerate(one.norms)
    ]


def _for_page(measured: Measured, title: str) -> bytes:
    """JSON of rounded numbers; null for one that is not finite."""
    conditions = {
        condition.name: {
            cell: {"weights": _rounded(one.weights), "norms": [_rounded(norm) for norm in one.norms]}
            for cell, one in cells.items()
        }
        for condition, cells in measured.items()
    }
    content = {"source": f"carousel-train gradients: {title}", "conditions": conditions}
    return f"{dumps(finite(content))}\n".encode()


def _rounded(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")
