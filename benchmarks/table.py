"""The report as tables, one a workload."""

from collections.abc import Sequence

from rich.table import Table

from benchmarks.arms import ARMS
from benchmarks.report import REFERENCES, Measurement, Row, Spread
from benchmarks.workloads import WORKLOADS

TIMES = {
    "latency_p50_ms": "p50 ms",
    "latency_p99_ms": "p99 ms",
    "first_p50_ms": "first p50",
    "first_p99_ms": "first p99",
    "gap_p50_ms": "gap p50",
    "gap_p99_ms": "gap p99",
}

MOST_OTHERS_CPU = 0.1
MOST_LOAD_CPU = 0.5


def table(rows: Sequence[Row], title: str) -> Table:
    """A table of one workload's rows: medians, with lowest..highest of the runs beside the throughput."""
    references = [name for name in REFERENCES if any(name in row.ratios for row in rows)]
    times = {name: label for name, label in TIMES.items() if any(name in row.figures for row in rows)}
    result = Table(title=title, title_justify="left")
    result.add_column("load")
    result.add_column("server", no_wrap=True)
    for header in (
        "requests",
        f"{WORKLOADS[rows[0].workload].unit}/s",
        *(f"× {name}" for name in references),
        *times.values(),
        *(f"p99 × {name}" for name in references),
        "refused",
        "failed",
        "MB",
    ):
        result.add_column(header, justify="right")
    for previous, row in zip([None, *rows], rows, strict=False):
        new_load = previous is None or previous.load.key != row.load.key
        if new_load and previous is not None:
            result.add_section()
        result.add_row(*_cells(row, new_load, references, list(times)))
    return result


def remarks(measurements: Sequence[Measurement]) -> list[str]:
    """A line for each kind of failed request, and for each measurement that other load makes unreliable."""
    lines = []
    for one in measurements:
        where = f"{one.workload}, {one.load}, {one.arm}, run {one.run + 1}"
        lines += [f"{where}: {count} × {error}" for error, count in one.summary.errors]
        if one.others_cpu > MOST_OTHERS_CPU:
            lines.append(f"{where}: other programs took {one.others_cpu:.2f} cores; measure again on a quiet machine")
        if one.summary.load_cpu > MOST_LOAD_CPU:
            lines.append(f"{where}: the load generator took {one.summary.load_cpu:.2f} of a core")
    return lines


def _cells(row: Row, new_load: bool, references: Sequence[str], times: Sequence[str]) -> list[str]:
    form = f" ({row.form})" if row.form else ""
    load = f"{row.load}" if new_load else ""
    return [
        load,
        f"{row.arm} {ARMS[row.arm].label}{form}",
        _number(row.figures.get("requests")),
        _with_spread(row.figures.get("throughput")),
        *("" if row.load.is_open else _number(row.ratios.get(name, {}).get("throughput")) for name in references),
        *(_number(row.figures.get(name)) for name in times),
        *(_number(row.ratios.get(name, {}).get("latency_p99_ms")) for name in references),
        _number(row.figures.get("refused")),
        _number(row.figures.get("failed")),
        _number(row.figures.get("peak_mb")),
    ]


def _number(spread: Spread | None) -> str:
    return "" if spread is None else short(spread.median)


def _with_spread(spread: Spread | None) -> str:
    if spread is None or spread.low == spread.high:
        return _number(spread)
    return f"{short(spread.median)} ({short(spread.low)}..{short(spread.high)})"


def short(value: float) -> str:
    """Three digits or more: 0.123, 1.23, 12.3, 1,235."""
    return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:.3g}"
