"""Runs of `carousel bulk` in this process, on the tiny models."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.bulk.run import Request, Summary, run
from app.settings import Settings

Bulk = Callable[..., Summary]


@pytest.fixture
def tiny(settings: Settings, checkpoints: Path) -> Settings:
    """The settings of the tests' service, whose checkpoints a run loads for itself."""
    return settings.model_copy(update={"checkpoints": checkpoints})


@pytest.fixture
def bulk(tiny: Settings) -> Bulk:
    def run_it(task: str, inputs: Path | str | list[str], out: Path, **arguments: Any) -> Summary:
        names = inputs if isinstance(inputs, list) else [str(inputs)]
        return run(tiny, Request(task, names, out, **arguments))

    return run_it


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def write_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path
