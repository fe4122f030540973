"""`carousel-train gradients` and `carousel-train recall`: what a recurrent network can't remember, to be seen."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from models.errors import DataError
from models.networks.recurrent import CELLS
from trainer.report.plots import over_lengths, over_time
from trainer.studies.synthetic import PROBLEMS, Problem, Reader, Schooling, gradient_norms, names_of, train

ADDING = PROBLEMS["adding"]
TRUNCATED = 25


def show_gradients(
    folder: Path, length: int, hidden: int, steps: int, gain: float, seed: int, console: Console
) -> None:
    """How far back the loss of the adding problem reaches, of each cell, before and after training.

    Once from the weights a cell begins with, where gradients vanish, and once with those of memory on memory `gain`
    times as large, where an RNN's explode (Pascanu et al. 2013, arXiv:1211.5063). Leaves gradients.csv and
    gradients.png in a folder. Raises DataError where it can't be made.
    """
    _make(folder)
    how = Schooling(steps=steps)
    ways: dict[str, tuple[Schooling | None, int]] = {
        "untrained": (None, 0),
        "trained, clipped": (how, 0),
        "trained, not clipped": (replace(how, clip=0.0), 0),
        f"trained, truncated to {TRUNCATED}": (replace(how, truncate=TRUNCATED), TRUNCATED),
    }
    found: dict[str, dict[str, list[float]]] = {}
    for times in (1.0, gain):
        for way, (schooling, truncate) in ways.items():
            cells = found[way if times == 1 else f"weights × {times:g}, {way}"] = {}
            for cell in CELLS:
                torch.manual_seed(seed)
                reader = Reader(cell, ADDING.inputs, hidden, ADDING.outputs)
                with torch.no_grad():
                    reader.layer.get_parameter("weight_hh_l0").mul_(times)
                for _ in train(reader, ADDING, length, schooling, seed) if schooling else ():
                    pass
                cells[cell] = gradient_norms(reader, ADDING, length, seed + 2, truncate)
    table = Table("the gradient over that of the last step", "cell", *(f"{back} back" for back in _marks(length)))
    for way, cells in found.items():
        for cell, norms in cells.items():
            table.add_row(way, cell, *(f"{norms[back] / norms[0]:.0e}" for back in _marks(length)))
    console.print(table)
    rows = [
        {"way": way, "cell": cell, "steps_back": back, "norm": norm}
        for way, cells in found.items()
        for cell, norms in cells.items()
        for back, norm in enumerate(norms)
    ]
    _write(folder / "gradients.csv", rows)
    (folder / "gradients.png").write_bytes(over_time(found, f"adding problem, {length} steps, {hidden} units"))
    console.print(f"made {folder / 'gradients.csv'} and .png", markup=False, highlight=False)


def show_recall(
    folder: Path,
    problem: str,
    cells: Sequence[str],
    lengths: Sequence[int],
    hidden: int,
    how: Schooling,
    seed: int,
    console: Console,
) -> None:
    """Train cells on a problem at several lengths; leave recall.csv and recall.png in a folder, as they come."""
    _make(folder)
    (name,) = names_of([problem], list(PROBLEMS), "problem")
    task: Problem = PROBLEMS[name]
    rows: list[dict[str, Any]] = []
    table = Table("cell", "length", task.unit, "steps", "solved")
    for length in lengths:
        for cell in names_of(cells, list(CELLS), "cell"):
            torch.manual_seed(seed)
            reader = Reader(cell, task.inputs, hidden, task.outputs)
            step, score = 0, float("nan")
            for step, score in train(reader, task, length, how, seed):
                rows.append({"problem": name, "cell": cell, "length": length, "step": step, "score": score})
            solved = "yes" if task.solved(score) else "no"
            table.add_row(cell, str(length), f"{score:.4f}", f"{step:,}", solved)
            console.print(f"{cell}, {length} steps: {score:.4f} after {step:,} ({solved})", highlight=False)
            _write(folder / "recall.csv", rows)
            picture = over_lengths(rows, f"{name} problem, {hidden} units", task.unit, task.top)
            (folder / "recall.png").write_bytes(picture)
    console.print(table)
    console.print(f"made {folder / 'recall.csv'} and .png", markup=False, highlight=False)


def _marks(length: int) -> list[int]:
    """Steps back that the table shows."""
    return [back for back in (10, 25, 50, 100) if back < length]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: can't be made: {error}") from None


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    content = io.StringIO()
    writer = csv.DictWriter(content, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(content.getvalue(), encoding="utf-8")
