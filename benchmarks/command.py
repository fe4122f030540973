"""The command: measure, print a table, write `report.json` and a picture for each workload."""

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from app.errors import ServiceError
from app.settings import load_settings
from benchmarks import extras
from benchmarks.arms import ARMS, ServerConfig, get_arm
from benchmarks.extras import BenchError
from benchmarks.machine import this_machine
from benchmarks.measure import Plan, measurements
from benchmarks.plot import plot
from benchmarks.report import Measurement, Report
from benchmarks.table import remarks, short, table
from benchmarks.workloads import WORKLOADS, Workload, get_workload
from models.checkpoint import MANIFEST

CLIENTS = (1, 8, 64, 256)
SHARES = (0.5, 0.8, 0.95)
LANGUAGE = "en"
"""The language of the workloads' texts."""
TABLE_WIDTH = 200
"""Of a table that goes to a file, where no terminal sets a width."""

app = typer.Typer(add_completion=False)


@app.command()
def bench(
    workloads: Annotated[
        list[str] | None, typer.Option("--workload", help=f"{', '.join(WORKLOADS)}; can be repeated; default: all.")
    ] = None,
    servers: Annotated[
        list[str] | None, typer.Option("--server", help=f"{', '.join(ARMS)}; can be repeated; default: all.")
    ] = None,
    clients: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Clients of a closed loop; can be repeated; default: 1, 8, 64, 256."),
    ] = None,
    loads: Annotated[
        list[float] | None,
        typer.Option("--load", min=0.01, max=2.0, help="Share of capacity; can be repeated; default: 0.5, 0.8, 0.95."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=1.0, help="How long each load is measured.")] = 10.0,
    runs: Annotated[int, typer.Option(min=1, help="How often everything is measured.")] = 3,
    out: Annotated[Path, typer.Option(help="Folder for report.json and the pictures.")] = Path("bench"),
    checkpoints: Annotated[Path | None, typer.Option(help="Folder of checkpoints (CAROUSEL_CHECKPOINTS).")] = None,
) -> None:
    """Measure the service beside other ways to serve the same models (benchmarks/README.md)."""
    arms = tuple(get_arm(name) for name in servers or ARMS)
    plan = Plan(arms, tuple(clients or CLIENTS), tuple(loads or SHARES), seconds, runs)
    settings = load_settings() if checkpoints is None else load_settings(checkpoints=checkpoints)
    run(settings.checkpoints, out, [get_workload(name) for name in workloads or WORKLOADS], plan)


def run(checkpoints: Path, output: Path, workloads: Sequence[Workload], plan: Plan) -> Report:
    """Measure the servers of a plan under workloads, and leave report.json and a PNG for each workload in output.

    A workload runs on the first checkpoint of its kind for English. The report is written after each
    measurement, so that an interrupted run leaves what it has. Raises BenchError.
    """
    extras.require("psutil", "matplotlib", *(package for arm in plan.arms for package in arm.packages))
    paths = {workload.name: find_checkpoint(checkpoints, workload.kind) for workload in workloads}
    names = {name: describe(path) for name, path in paths.items()}
    started = datetime.now(UTC).isoformat(timespec="seconds")
    report = Report(started, this_machine(), names, plan.seconds, plan.runs, ())
    output.mkdir(parents=True, exist_ok=True)
    progress = Console(stderr=True)
    with TemporaryDirectory(prefix="carousel-bench-") as scratch:
        for workload in workloads:
            for measurement in measurements(plan, ServerConfig(paths[workload.name], workload, 0, Path(scratch))):
                report = replace(report, measurements=(*report.measurements, measurement))
                report.write(output / "report.json")
                progress.print(progress_line(measurement), highlight=False)
            _show(report, workload, output)
    return report


def find_checkpoint(folder: Path, kind: str) -> Path:
    """The first checkpoint of a kind for LANGUAGE. Raises BenchError where there is none."""
    for manifest in sorted(folder.glob(f"*/{MANIFEST}")):
        config = json.loads((manifest.parent / "config.json").read_text(encoding="utf-8"))
        if config["kind"] == kind and LANGUAGE in config["languages"]:
            return manifest.parent
    raise BenchError(f"{folder}: no checkpoint of the kind {kind} for the language {LANGUAGE}")


def describe(checkpoint: Path) -> str:
    """A checkpoint's name and version: the beginning of its manifest's SHA-256."""
    return f"{checkpoint.name} {hashlib.sha256((checkpoint / MANIFEST).read_bytes()).hexdigest()[:12]}"


def progress_line(measurement: Measurement) -> str:
    form = f" ({measurement.form})" if measurement.form else ""
    rate = f"{short(measurement.summary.throughput)} {WORKLOADS[measurement.workload].unit}/s"
    return f"run {measurement.run + 1}, {measurement.workload}, {measurement.load}: {measurement.arm}{form} {rate}"


def _show(report: Report, workload: Workload, output: Path) -> None:
    """Print a workload's table and the remarks on it, and write its picture."""
    rows = [row for row in report.rows if row.workload == workload.name]
    if not rows:
        return
    title = f"{workload.name}: {report.checkpoints[workload.name]}; {report.machine}"
    console = Console(width=None if sys.stdout.isatty() else TABLE_WIDTH)
    console.print(table(rows, title))
    for line in remarks([one for one in report.measurements if one.workload == workload.name]):
        console.print(line, highlight=False, markup=False)
    (output / f"{workload.name}.png").write_bytes(plot(rows, title))


def main() -> None:
    """Run the command; a refusal ends it with one line and status 2."""
    try:
        app()
    except ServiceError as error:
        Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
