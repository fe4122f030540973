"""What the `bench` command does: measure, print a table, write `report.json` and a picture for each workload."""

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks import extras
from benchmarks.arms import ARMS, Site, arm
from benchmarks.extras import BenchError
from benchmarks.machine import this_machine
from benchmarks.plot import draw
from benchmarks.report import Measurement, Report
from benchmarks.series import Plan, measurements
from benchmarks.table import remarks, short, table
from benchmarks.workloads import WORKLOADS, Workload, workload
from models.checkpoint import MANIFEST

CLIENTS = (1, 8, 64, 256)
SHARES = (0.5, 0.8, 0.95)
LANGUAGE = "en"
"""That of the workloads' texts."""
TABLE_WIDTH = 200
"""Of a table that goes to a file: lines that a terminal would break."""


def run(
    checkpoints: Path,
    output: Path,
    workloads: Sequence[str] = tuple(WORKLOADS),
    arms: Sequence[str] = tuple(ARMS),
    clients: Sequence[int] = CLIENTS,
    shares: Sequence[float] = SHARES,
    seconds: float = 10.0,
    runs: int = 3,
) -> Report:
    """Measure the named servers under the named workloads, and leave report.json and a PNG a workload in output.

    Each workload takes the first checkpoint of its kind that knows English. The report is written
    after each measurement, so that one that is stopped leaves what it has. Raises BenchError.
    """
    asked = [workload(name) for name in workloads]
    plan = Plan(tuple(arm(name) for name in arms), tuple(clients), tuple(shares), seconds, runs)
    extras.require("psutil", "matplotlib", *(package for one in plan.arms for package in one.packages))
    found = {one.name: find_checkpoint(checkpoints, one.kind) for one in asked}
    names = {name: describe(path) for name, path in found.items()}
    started = datetime.now(UTC).isoformat(timespec="seconds")
    report = Report(started, this_machine(), names, seconds, runs, ())
    output.mkdir(parents=True, exist_ok=True)
    progress = Console(stderr=True)
    with TemporaryDirectory(prefix="carousel-bench-") as scratch:
        for one in asked:
            for measurement in measurements(plan, Site(found[one.name], one, 0, Path(scratch))):
                report = replace(report, measurements=(*report.measurements, measurement))
                report.write(output / "report.json")
                progress.print(progress_line(measurement), highlight=False)
            _show(report, one, output)
    return report


def find_checkpoint(folder: Path, kind: str) -> Path:
    """The first checkpoint of a kind that knows LANGUAGE. Raises BenchError where there is none."""
    for manifest in sorted(folder.glob(f"*/{MANIFEST}")):
        config = json.loads((manifest.parent / "config.json").read_text(encoding="utf-8"))
        if config["kind"] == kind and LANGUAGE in config["languages"]:
            return manifest.parent
    raise BenchError(f"{folder}: no checkpoint of the kind {kind} for the language {LANGUAGE}")


def describe(checkpoint: Path) -> str:
    """A checkpoint's name and version: the beginning of its manifest's SHA-256."""
    return f"{checkpoint.name} {hashlib.sha256((checkpoint / MANIFEST).read_bytes()).hexdigest()[:12]}"


def progress_line(one: Measurement) -> str:
    """What has just been measured."""
    form = f" ({one.form})" if one.form else ""
    unit = WORKLOADS[one.workload].unit
    return f"run {one.run + 1}, {one.workload}, {one.load}: {one.arm}{form} {short(one.summary.throughput)} {unit}/s"


def _show(report: Report, asked: Workload, output: Path) -> None:
    """Print a workload's table and what went wrong in it, and draw its picture."""
    rows = [row for row in report.rows if row.workload == asked.name]
    if not rows:
        return
    title = f"{asked.name}: {report.checkpoints[asked.name]}; {report.machine}"
    console = Console(width=None if sys.stdout.isatty() else TABLE_WIDTH)
    console.print(table(rows, title))
    for line in remarks([one for one in report.measurements if one.workload == asked.name]):
        console.print(line, highlight=False, markup=False)
    (output / f"{asked.name}.png").write_bytes(draw(rows, title))
