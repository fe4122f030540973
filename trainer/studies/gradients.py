"""`carousel-train gradients`: vanishing and exploding gradients of an RNN, a GRU and an LSTM, over time."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from models.networks.recurrent import CELLS
from trainer.report.plots import gradients_over_time
from trainer.studies.output import make_folder, write, write_csv
from trainer.studies.synthetic import TASKS, RecurrentModel, SyntheticTask, TrainConfig, run_stepwise, train

ADDING = TASKS["adding"]
TRUNCATED = 25
STEPS_SHOWN = (10, 25, 50, 100)
Norms = Mapping[str, Mapping[str, list[float]]]
"""By condition and cell, the gradient's norm 0, 1, 2, … steps back."""


def gradient_norms(
    model: RecurrentModel, task: SyntheticTask, length: int, seed: int, truncate: int = 0
) -> list[float]:
    """The norm of the loss's gradient by the state 0, 1, 2, … steps before the end.

    By the whole state of a step (of an LSTM, hidden state and cell), the root mean square over 64 examples. Beyond
    where backpropagation is truncated, it is 0.
    """
    inputs, targets = task.sample(64, length, torch.Generator().manual_seed(seed))
    model.zero_grad()
    outputs, states = run_stepwise(model, inputs, task.last, truncate)
    (task.loss(outputs, targets) * len(inputs)).backward()  # type: ignore[no-untyped-call]
    norms = []
    for state in reversed(states):
        parts = [torch.zeros(1) if part.grad is None else part.grad.square().sum() for part in state]
        norms.append(math.sqrt(float(sum(parts)) / len(inputs)))
    return norms


def run_gradients(folder: Path, length: int, hidden: int, steps: int, gain: float, seed: int, console: Console) -> None:
    """Measure the gradients of each cell on the adding problem, before and after training.

    Once from the usual initial weights, where gradients vanish, and once with recurrent weights `gain` times as
    large, where an RNN's explode (Pascanu et al. 2013, arXiv:1211.5063). Writes gradients.csv and gradients.png into
    the folder. Raises DataError where it can't be created.
    """
    make_folder(folder)
    norms = _measure(length, hidden, TrainConfig(steps=steps), gain, seed)
    shown = [back for back in STEPS_SHOWN if back < length]
    table = Table("the gradient over that of the last step", "cell", *(f"{back} back" for back in shown))
    for condition, cells in norms.items():
        for cell, series in cells.items():
            table.add_row(condition, cell, *(f"{series[back] / series[0]:.0e}" for back in shown))
    console.print(table)
    rows = [
        {"way": condition, "cell": cell, "steps_back": back, "norm": norm}
        for condition, cells in norms.items()
        for cell, series in cells.items()
        for back, norm in enumerate(series)
    ]
    write_csv(folder / "gradients.csv", rows)
    picture = gradients_over_time(norms, f"adding problem, {length} steps, {hidden} units")
    write(folder / "gradients.png", picture)
    console.print(f"made {folder / 'gradients.csv'} and .png", markup=False, highlight=False)


def _measure(length: int, hidden: int, clipped: TrainConfig, gain: float, seed: int) -> Norms:
    conditions: dict[str, tuple[TrainConfig | None, int]] = {
        "untrained": (None, 0),
        "trained, clipped": (clipped, 0),
        "trained, not clipped": (replace(clipped, clip_norm=0.0), 0),
        f"trained, truncated to {TRUNCATED}": (replace(clipped, truncate=TRUNCATED), TRUNCATED),
    }
    norms: dict[str, dict[str, list[float]]] = {}
    for scale in (1.0, gain):
        for condition, (config, truncate) in conditions.items():
            cells = norms[condition if scale == 1 else f"weights × {scale:g}, {condition}"] = {}
            for cell in CELLS:
                torch.manual_seed(seed)
                model = RecurrentModel(cell, ADDING.inputs, hidden, ADDING.outputs)
                with torch.no_grad():
                    model.layer.get_parameter("weight_hh_l0").mul_(scale)
                for _ in train(model, ADDING, length, config, seed) if config else ():
                    pass
                cells[cell] = gradient_norms(model, ADDING, length, seed + 2, truncate)
    return norms
