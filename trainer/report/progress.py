"""The progress of a run: a bar in a terminal, else a line a minute."""

import time
from dataclasses import asdict
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.json_text import dumps
from trainer.loop import trainer as loop

LINE_EVERY_S = 60.0


class Display:
    """Shows a run's records; a context manager that ends the bar. Rates exclude validation."""

    def __init__(self, console: Console, name: str, metric: str, unit: str, step: int, total_steps: int) -> None:
        """unit is that of targets: tokens or texts."""
        self._console, self._metric, self._unit = console, metric, unit
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[status]}", markup=False),
            TimeRemainingColumn(),
            console=console,
        )
        self._line = self._bar.add_task(name, total=total_steps, completed=step, status="")
        self._score = ""
        self._targets, self._since = 0, time.monotonic()
        self._printed = time.monotonic()

    def __enter__(self) -> "Display":
        self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, error, trace)

    def show(self, record: loop.Progress | loop.Evaluation) -> None:
        """Move the bar by a step, or print an evaluation as a line of JSON."""
        if isinstance(record, loop.Evaluation):
            self._console.print_json(dumps(asdict(record)), indent=None, highlight=False)
            self._score = f"{self._metric} {record.scores[self._metric]:.4g}  "
            self._targets, self._since = 0, time.monotonic()
            return
        self._targets += record.targets
        now = time.monotonic()
        rate = self._targets / max(now - self._since, 1e-9)
        status = f"loss {record.loss:.3f}  {self._score}{rate:,.0f} {self._unit}/s"
        self._bar.update(self._line, completed=record.step, status=status)
        if not self._console.is_terminal and now - self._printed >= LINE_EVERY_S:
            self._printed = now
            left = self._bar.tasks[0].time_remaining
            minutes = "" if left is None else f"  {left / 60:.0f} min left"
            line = f"step {record.step}/{record.total_steps}  {status}{minutes}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
