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
    """A closed loop of so many clients, or an open loop at a share of the server's capacity: rate requests a second."""

    clients: int = 0
    share: float = 0.0
    rate: float = 0.0

    @property
    def key(self) -> tuple[int, float]:
        """What is the same for all servers: the rate of an open loop is each server's own."""
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

    peak_mb is the most memory that it and its children had resident; others_cpu how many cores
    other programs took meanwhile.
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
    """The median of the runs, beside the least and the most."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """A server under one load, over all runs.

    figures are by name: those of FIGURES, peak_mb and others_cpu. ratios are this server's by another's, run by
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
    """All that a benchmark found, and where. checkpoints says which model each workload was for."""

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
    """A row for each workload, load and server (in its faster form), in the order in which they came."""
    groups: dict[tuple[str, tuple[int, float]], dict[str, list[Measurement]]] = {}
    for measurement in measurements:
        beside = groups.setdefault((measurement.workload, measurement.load.key), {})
        beside.setdefault(measurement.arm, []).append(measurement)
    return [
        _row(arm, {name: _in_fastest_form(group) for name, group in beside.items()})
        for beside in groups.values()
        for arm in beside
    ]


def _in_fastest_form(group: list[Measurement]) -> list[Measurement]:
    form = fastest_form(group)
    return [measurement for measurement in group if measurement.form == form]


def _row(arm: str, beside: dict[str, list[Measurement]]) -> Row:
    own = beside[arm]
    figures = {name: [getattr(measurement.summary, name) for measurement in own] for name in FIGURES}
    figures |= {name: [getattr(measurement, name) for measurement in own] for name in ("peak_mb", "others_cpu")}
    others = [name for name in REFERENCES if name in beside and name != arm]
    return Row(
        workload=own[0].workload,
        arm=arm,
        form=own[0].form,
        load=own[0].load,
        figures=_spreads(figures),
        ratios={name: _ratios(own, beside[name]) for name in others},
    )


def _ratios(own: list[Measurement], other: list[Measurement]) -> dict[str, Spread]:
    """Of the runs that both have, each by its fellow, so that what slowed the machine in a run slowed both."""
    fellows = {measurement.run: measurement.summary for measurement in other}
    pairs = [(measurement.summary, fellows[measurement.run]) for measurement in own if measurement.run in fellows]
    names = ("throughput", "latency_p50_ms", "latency_p99_ms")
    return _spreads(
        {name: [_ratio(getattr(ours, name), getattr(theirs, name)) for ours, theirs in pairs] for name in names}
    )


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours is not None and theirs else None


def _spreads(figures: dict[str, list[float | None]]) -> dict[str, Spread]:
    """Spreads of what was measured, and nothing for what was not."""
    known = {name: [value for value in values if value is not None] for name, values in figures.items()}
    return {name: Spread(median(values), min(values), max(values)) for name, values in known.items() if values}
