"""The report as pictures, one a workload."""

import io
from collections.abc import Sequence
from typing import Any

from benchmarks import extras
from benchmarks.arms import ARMS
from benchmarks.report import Row
from benchmarks.workloads import WORKLOADS

COLOURS = {"A": "#D55E00", "B": "#E69F00", "C": "#0072B2", "D": "#56B4E9", "T": "#009E73"}
"""From Okabe and Ito's palette, distinguishable with any colour vision."""
MARKERS = {"A": "s", "B": "^", "C": "o", "D": "D", "T": "v"}


def plot(rows: Sequence[Row], title: str) -> bytes:
    """A PNG of one workload: throughput by clients, and latency by throughput."""
    figure = extras.load("matplotlib.figure").Figure(figsize=(12, 5), layout="constrained")
    by_clients, by_throughput = figure.subplots(1, 2)
    unit = WORKLOADS[rows[0].workload].unit
    for arm in dict.fromkeys(row.arm for row in rows):
        arm_rows = [row for row in rows if row.arm == arm]
        _plot_throughput(by_clients, arm, [row for row in arm_rows if not row.load.is_open])
        _plot_latency(by_throughput, arm, arm_rows)
    _label(by_clients, "clients (closed loop)", f"throughput ({unit}/s)")
    _label(by_throughput, f"throughput ({unit}/s)", "latency (ms)")
    clients = sorted({row.load.clients for row in rows if not row.load.is_open})
    by_clients.set_xscale("log", base=2)
    by_clients.set_xticks(clients, labels=[str(count) for count in clients])
    by_clients.set_xticks([], minor=True)
    by_clients.legend()
    black = {"color": "black", "linewidth": 1}
    by_throughput.plot([], [], linestyle="-", label="p50", **black)
    by_throughput.plot([], [], linestyle="--", label="p99", **black)
    if any(row.load.is_open for row in rows):
        by_throughput.plot([], [], "o", markerfacecolor="white", label="open loop", **black)
    by_throughput.legend()
    figure.suptitle(title)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def _plot_throughput(panel: Any, arm: str, rows: Sequence[Row]) -> None:
    """Medians with bars from the lowest to the highest of the runs."""
    spreads = [row.figures["throughput"] for row in rows]
    panel.errorbar(
        [row.load.clients for row in rows],
        [spread.median for spread in spreads],
        yerr=[[one.median - one.low for one in spreads], [one.high - one.median for one in spreads]],
        label=f"{arm}: {ARMS[arm].label}",
        color=COLOURS[arm],
        marker=MARKERS[arm],
        capsize=3,
    )


def _plot_latency(panel: Any, arm: str, rows: Sequence[Row]) -> None:
    """Lines for closed loops, hollow markers for open ones."""
    for name, line in (("latency_p50_ms", "-"), ("latency_p99_ms", "--")):
        known = [row for row in rows if name in row.figures]
        closed = [row for row in known if not row.load.is_open]
        open_loop = [row for row in known if row.load.is_open]
        for group, style in ((closed, line), (open_loop, "")):
            panel.plot(
                [row.figures["throughput"].median for row in group],
                [row.figures[name].median for row in group],
                linestyle=style,
                color=COLOURS[arm],
                marker=MARKERS[arm],
                markerfacecolor=COLOURS[arm] if style else "white",
            )


def _label(panel: Any, x: str, y: str) -> None:
    panel.set_xlabel(x)
    panel.set_ylabel(y)
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.grid(alpha=0.3)
