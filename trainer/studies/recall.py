"""`carousel-train recall`: recurrent cells trained on a synthetic task at several lengths."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from models.networks.recurrent import CELLS
from trainer.report.plots import scores_over_steps
from trainer.studies.output import make_folder, write, write_csv
from trainer.studies.synthetic import TASKS, RecurrentModel, TrainConfig, require_names, train


def run_recall(
    folder: Path,
    problem: str,
    cells: Sequence[str],
    lengths: Sequence[int],
    hidden: int,
    config: TrainConfig,
    seed: int,
    console: Console,
) -> None:
    """Train each cell at each length; write recall.csv and recall.png into the folder, anew after each."""
    make_folder(folder)
    (name,) = require_names([problem], list(TASKS), "problem")
    task = TASKS[name]
    rows: list[dict[str, Any]] = []
    table = Table("cell", "length", task.unit, "steps", "solved")
    for length in lengths:
        for cell in require_names(cells, list(CELLS), "cell"):
            torch.manual_seed(seed)
            model = RecurrentModel(cell, task.inputs, hidden, task.outputs)
            step, score = 0, float("nan")
            for step, score in train(model, task, length, config, seed):
                rows.append({"problem": name, "cell": cell, "length": length, "step": step, "score": score})
            solved = "yes" if task.solved(score) else "no"
            table.add_row(cell, str(length), f"{score:.4f}", f"{step:,}", solved)
            console.print(f"{cell}, {length} steps: {score:.4f} after {step:,} ({solved})", highlight=False)
            write_csv(folder / "recall.csv", rows)
            picture = scores_over_steps(rows, f"{name} problem, {hidden} units", task.unit, task.axis_top)
            write(folder / "recall.png", picture)
    console.print(table)
    console.print(f"made {folder / 'recall.csv'} and .png", markup=False, highlight=False)
