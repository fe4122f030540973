"""Measurements, their medians and spreads, and how the servers compare."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.machine import Machine
from benchmarks.summary import Summary

FIGURES = (
    "requests", "refused", "failed", "throughput", "latency_p50_ms", "latency_p99_ms", "first_p50_ms", "first_p99_ms",
    "gap_p50_ms", "gap_p99_ms", "load_cpu",
)  # fmt: skip
REFERENCES = ("A", "B", "D")


@dataclass(frozen=True)
class Load:
    """A closed loop with a number of clients, or an open loop: rate requests a second, a share of the capacity."""

    clients: int = 0
    share: float = 0.0
    rate: float = 0.0

    @property
    def key(self) -> tuple[int, float]:
        """Identifies the load across servers, whose rates in an open loop differ."""
        return self.clients, self.share

    @property
    def is_open(self) -> bool:
        return not self.clients

    def __str__(self) -> str:
        if self.is_open:
            return f"{self.share:.0%} of capacity"
        return "1 client" if self.clients == 1 else f"{self.clients} clients"


@dataclass(frozen=True)
class Measurement:
    """One server under one load, once.

    peak_mb is the peak of the resident memory of the server and its children; others_cpu the number
    of cores that other programs took during the measurement.
    """

    workload: str
    arm: str
    form: str
    load: Load
    run: int
    peak_mb: float
    others_cpu: float
    summary: Summary


@dataclass(frozen=True)
class Spread:
    """The median of the runs, with the lowest and the highest."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """A server under one load, over all runs.

    figures has those of FIGURES, peak_mb and others_cpu. ratios are this server's figures over another's, paired by
    run: ratios["A"]["throughput"] of 2 means twice A's throughput.
    """

    workload: str
    arm: str
    form: str
    load: Load
    figures: dict[str, Spread]
    ratios: dict[str, dict[str, Spread]]


@dataclass(frozen=True)
class Report:
    """The results of a benchmark and its machine. checkpoints names the model of each workload."""

    started: str
    machine: Machine
    checkpoints: dict[str, str]
    seconds: float
    runs: int
    measurements: tuple[Measurement, ...]

    @property
    def rows(self) -> list[Row]:
        return rows(self.measurements)

    def write(self, path: Path) -> None:
        content = {**asdict(self), "rows": [asdict(row) for row in self.rows]}
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def fastest_form(measurements: Iterable[Measurement]) -> str:
    """The form with the highest throughput in the first run, in which each form of a server is measured."""
    first = [measurement for measurement in measurements if measurement.run == 0]
    return max(first, key=lambda measurement: measurement.summary.throughput).form


def rows(measurements: Sequence[Measurement]) -> list[Row]:
    """A row for each workload, load and server (in its fastest form), in order of measurement."""
    groups: dict[tuple[str, tuple[int, float]], dict[str, list[Measurement]]] = {}
    for measurement in measurements:
        arms = groups.setdefault((measurement.workload, measurement.load.key), {})
        arms.setdefault(measurement.arm, []).append(measurement)
    return [
        _row(arm, {name: _in_fastest_form(group) for name, group in arms.items()})
        for arms in groups.values()
        for arm in arms
    ]


def _in_fastest_form(group: list[Measurement]) -> list[Measurement]:
    form = fastest_form(group)
    return [measurement for measurement in group if measurement.form == form]


def _row(arm: str, by_arm: dict[str, list[Measurement]]) -> Row:
    runs = by_arm[arm]
    figures = {name: [getattr(measurement.summary, name) for measurement in runs] for name in FIGURES}
    figures |= {name: [getattr(measurement, name) for measurement in runs] for name in ("peak_mb", "others_cpu")}
    others = [name for name in REFERENCES if name in by_arm and name != arm]
    return Row(
        workload=runs[0].workload,
        arm=arm,
        form=runs[0].form,
        load=runs[0].load,
        figures=_spreads(figures),
        ratios={name: _ratios(runs, by_arm[name]) for name in others},
    )


def _ratios(runs: list[Measurement], reference: list[Measurement]) -> dict[str, Spread]:
    """Paired by run, over the runs that both have, so that a slow minute of the machine affects both."""
    by_run = {measurement.run: measurement.summary for measurement in reference}
    pairs = [(measurement.summary, by_run[measurement.run]) for measurement in runs if measurement.run in by_run]
    names = ("throughput", "latency_p50_ms", "latency_p99_ms")
    return _spreads(
        {name: [_ratio(getattr(ours, name), getattr(theirs, name)) for ours, theirs in pairs] for name in names}
    )


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours is not None and theirs else None


def _spreads(figures: dict[str, list[float | None]]) -> dict[str, Spread]:
    """Figures that were never measured are left out."""
    known = {name: [value for value in values if value is not None] for name, values in figures.items()}
    return {name: Spread(median(values), min(values), max(values)) for name, values in known.items() if values}
