"""Checkpoints side by side."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models import checkpoint
from models.config import current_names
from models.errors import CheckpointError, DataError
from models.files import write_atomic, writing
from models.kinds import kind_named
from trainer.report.card import number
from trainer.report.plots import compared_curves

SCORES = (
    "perplexity_per_word",
    "perplexity_per_token",
    "accuracy",
    "loss",
    "expected_calibration_error",
    "bleu",
    "chrf2",
)


def compare_runs(directories: Sequence[Path], picture: Path | None, console: Console) -> None:
    """Print a table of settings that differ and of scores; draw learning curves. Raises DataError, CheckpointError."""
    loaded = [checkpoint.load(directory, torch.device("cpu")) for directory in directories]
    kinds = {one.kind for one in loaded}
    if len(loaded) < 2 or len(kinds) > 1:
        raise DataError(f"compare takes two or more checkpoints of one kind; here are {', '.join(sorted(kinds))}")
    names = _names(directories)
    table = Table("", *map(escape, names))
    for name, values in _rows(loaded).items():
        if len(set(values)) > 1 or name in SCORES or ":" in name:
            table.add_row(escape(name), *map(escape, values))
    console.print(table)
    if picture is not None:
        if kind_named(loaded[0].kind).counted:
            raise DataError(
                f"--plot: a model of the kind {loaded[0].kind} is not trained in steps: it has no learning curve"
            )
        logs = {name: _read_log(directory) for name, directory in zip(names, directories, strict=True)}
        with writing(picture):
            write_atomic(picture, compared_curves(logs, kind_named(loaded[0].kind).metric))
        console.print(f"made {picture}", markup=False, highlight=False)


def _names(directories: Sequence[Path]) -> list[str]:
    short = [directory.resolve().name for directory in directories]
    return short if len(set(short)) == len(short) else [str(directory) for directory in directories]


def _rows(loaded: Sequence[checkpoint.Checkpoint]) -> dict[str, list[str]]:
    """What each has under every name that one of them has."""
    columns = [_column(one) for one in loaded]
    names = {name: None for column in columns for name in column}
    return {name: [column.get(name, "") for column in columns] for name in names}


def _column(one: checkpoint.Checkpoint) -> dict[str, str]:
    training = one.training
    settings = current_names(training["settings"], kind_named(one.kind).load_training().configurations, warn=False)
    cells = {"parameters": f"{training['parameters']:,}", "minutes": f"{training['seconds'] / 60:.0f}"}
    if "step" in training:
        cells["step"] = f"{training['step']:,} of {training['total_steps']:,}"
    cells["size, MB"] = f"{one.size_bytes / 1e6:.1f}"
    cells |= {f"setting {name}": str(value) for name, value in settings.items()}
    names = [evaluation["data"]["name"] for evaluation in one.metrics["evaluations"]]
    short = [Path(name).name for name in names]
    for evaluation, name in zip(
        one.metrics["evaluations"], short if len(set(short)) == len(short) else names, strict=True
    ):
        for score, value in _scores(evaluation["scores"]):
            cells[f"{name}: {score}"] = number(value)
    return cells


def _scores(scores: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    pairs = []
    for name, value in scores.items():
        if isinstance(value, Mapping) and name not in ("int8", "classes"):
            pairs.extend(_scores(value, f"{prefix}{name} "))
        elif name in SCORES:
            pairs.append((prefix + name, value))
    return pairs


def _read_log(directory: Path) -> list[dict[str, Any]]:
    path = directory / "log.jsonl"
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: can't be read: {error}") from None
