"""A run of `carousel bulk`: scan the inputs, answer their parts, assemble the output."""

import secrets
import signal
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from app.bulk import local, ray_data
from app.bulk.answering import Answerer
from app.bulk.assembly import Answered, assemble, layout_of
from app.bulk.files import PARTS, Input, Output, plan_outputs, read_inputs
from app.bulk.folder import RunFolder
from app.bulk.plan import LIMITS, Plan, check_same
from app.bulk.progress import showing
from app.bulk.rows import Table, suffix_of
from app.bulk.scan import checksum, scan
from app.bulk.sources import Source
from app.bulk.writers import check_writable
from app.errors import InvalidRequest
from app.settings import Settings
from models.runtime.build import choose_precision
from models.tables.lines import TextFormat

ROWS_LEFT_OUT = 3
"""The exit status of a run that is complete, with rows that have no answer."""


@dataclass(frozen=True)
class Request:
    """What to run. options are fields of the task's request; column is empty where none is named.

    ray is the address of a Ray cluster, "local" for one that is started on this machine, or empty: no Ray. actors is
    the number of its actors, 0 for one on each core.
    """

    task: str
    inputs: Sequence[str]
    out: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    column: str = ""
    form: TextFormat = field(default_factory=TextFormat)
    prefix: str = "answer_"
    part_rows: int = 1000
    overwrite: bool = False
    ray: str = ""
    actors: int = 0


@dataclass(frozen=True)
class Summary:
    """How many rows have an answer, how many have none, and the files that list the latter."""

    answered: int
    bad: int
    errors: Sequence[Path]

    def __str__(self) -> str:
        left_out = f", {self.bad:,} left out: {', '.join(map(str, self.errors))}" if self.bad else ""
        return f"{self.answered + self.bad:,} rows, {self.answered:,} answered{left_out}"


class Stopped(KeyboardInterrupt):
    """SIGINT or SIGTERM. asyncio lets a KeyboardInterrupt through, from wherever it is raised."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def main(settings: Settings, request: Request) -> int:
    """Run, say on standard error what was done, and return the exit status. Raises what `run` does, but Stopped."""
    try:
        with _stopping():
            summary = run(settings, request)
    except Stopped as stop:
        again = "the same command, without --overwrite, goes on from the parts that are done"
        print(f"stopped by {stop}: {again}", file=sys.stderr)
        return 128 + stop.number
    print(f"{request.out}: {summary}", file=sys.stderr)
    return ROWS_LEFT_OUT if summary.bad else 0


@contextmanager
def _stopping() -> Iterator[None]:
    """Signals to stop raise Stopped in the main thread."""

    def stop(number: int, _: FrameType | None) -> None:
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(settings: Settings, request: Request) -> Summary:
    """Answer all rows that an earlier run of the same has not, and write the output.

    Raises InvalidRequest, DataError or CheckpointError for inputs, options or an earlier run that don't fit, Conflict
    where another run is at work, and what loading models raises.
    """
    inputs = read_inputs(request.inputs)
    _check_form(request.form, inputs)
    outputs = plan_outputs(inputs, request.inputs, request.out)
    for output in outputs:
        check_writable(output.path)
    folder = RunFolder(request.out.with_name(request.out.name + PARTS))
    before = None if request.overwrite else folder.plan()
    existing = next((output.path for output in outputs if output.path.exists()), None)
    if existing and before is None and not request.overwrite:
        raise InvalidRequest("it exists; --overwrite replaces it", str(existing))
    answerer = Answerer(request.task, request.options, settings)
    identity = _identity(request, settings, inputs, answerer)
    if before is None:
        plan = _new_plan(request, identity, inputs, answerer)
    else:
        check_same(folder.path, before.identity, identity)
        plan = before
    answerer.seed = plan.seed
    numbers = {one: number for number, one in enumerate(inputs)}
    layouts = []
    for output in outputs:
        scans = [plan.scans[numbers[one]] for one in output.inputs]
        layouts.append(layout_of(output, scans, answerer.columns(), request.prefix, answerer.task.line))
    with folder.locked():
        if before is None:
            folder.begin(plan)
        _answer(request, settings, inputs, folder, plan, answerer)
        counts = [
            assemble(output, _answered(request, output, numbers, plan, folder), layout, request.prefix, folder.scratch)
            for output, layout in zip(outputs, layouts, strict=True)
        ]
        folder.remove()
    errors = [output.errors for output, (_, bad) in zip(outputs, counts, strict=True) if bad]
    return Summary(sum(good for good, _ in counts), sum(bad for _, bad in counts), errors)


def _check_form(form: TextFormat, inputs: Sequence[Input]) -> None:
    """Raise InvalidRequest where what is said of the inputs concerns none of them."""
    suffixes = {suffix_of(one.path) for one in inputs}
    if form.delimiter and ".csv" not in suffixes:
        raise InvalidRequest("it is of .csv files, and no input is one", "--delimiter")
    if form.encoding != "utf-8" and suffixes == {".parquet"}:
        raise InvalidRequest("it is of files of text, and no input is one", "--encoding")


def _identity(request: Request, settings: Settings, inputs: Sequence[Input], answerer: Answerer) -> dict[str, Any]:
    """What a run must have in common with the one that it goes on from."""
    return {
        "task": request.task,
        "options": dict(request.options),
        "--column": request.column,
        "--encoding": request.form.encoding,
        "--delimiter": request.form.delimiter,
        "--part-rows": request.part_rows,
        "inputs": {one.name: checksum(one.path) for one in inputs},
        "models": {model.name: model.checkpoint.version for model in answerer.models()},
        "precision": choose_precision(settings.precision, answerer.registry.device),
        "limits": {name: getattr(settings, name) for name in LIMITS},
    }


def _new_plan(request: Request, identity: Mapping[str, Any], inputs: Sequence[Input], answerer: Answerer) -> Plan:
    scans = [scan(one.path, request.form, request.column, answerer.task.usual) for one in inputs]
    return Plan(identity, scans, request.options.get("seed", secrets.randbelow(2**31)), request.part_rows)


def _answer(
    request: Request, settings: Settings, inputs: Sequence[Input], folder: RunFolder, plan: Plan, answerer: Answerer
) -> None:
    """Answer the parts that are not there yet."""
    parts = list(plan.parts())
    done = folder.done(parts)
    todo = [part for part in parts if part.number not in done]
    sources = [
        Source(Table(one.path.resolve(), request.form, request.column), scan.column)
        for one, scan in zip(inputs, plan.scans, strict=True)
    ]
    if not todo:
        return
    rows_done = plan.rows - sum(part.rows for part in todo)
    with answerer.running(), showing(plan.rows, rows_done, request.task) as advance:
        if request.ray:
            work = ray_data.Work(request.task, request.options, plan.seed, settings, folder.path.resolve(), sources)
            ray_data.answer(work, todo, request.ray, request.actors, advance)
        else:
            local.answer(answerer, folder, sources, todo, advance)


def _answered(
    request: Request, output: Output, numbers: Mapping[Input, int], plan: Plan, folder: RunFolder
) -> Iterator[Answered]:
    """The inputs of an output, with the outcomes of their rows."""
    parts = defaultdict(list)
    for part in plan.parts():
        parts[part.source].append(part.number)
    for one in output.inputs:
        table = Table(one.path, request.form, request.column)
        yield Answered(one.path, table.rows, partial(folder.read_all, parts[numbers[one]]))
