"""The simulation as a picture."""

import io
from collections.abc import Mapping, Sequence

from benchmarks import extras

COLOURS = ("#0072B2", "#D55E00", "#009E73")
"""From Okabe and Ito's palette."""


def replicas(
    throughput: Mapping[str, Sequence[tuple[int, float, float]]], memory: Mapping[str, Sequence[tuple[int, float]]]
) -> bytes:
    """A PNG: throughput as a share of n × one, latency by replicas, and latency by where a text's state is."""
    figure = extras.load("matplotlib.figure").Figure(figsize=(15, 4.5), layout="constrained")
    shares, latencies, states = figure.subplots(1, 3)
    for colour, (name, rows) in zip(COLOURS, throughput.items(), strict=False):
        counts = [count for count, _, _ in rows]
        shares.plot(counts, [share for _, share, _ in rows], "o-", color=colour, label=name)
        latencies.plot(counts, [1000 * p99_s for _, _, p99_s in rows], "o-", color=colour, label=name)
    shares.axhline(0.95, color="black", linewidth=0.8, linestyle=":")
    shares.set_ylim(0, 1.05)
    shares.set_ylabel("throughput, as a share of n × one")
    latencies.set_ylabel("p99 at 70% of it (ms)")
    latencies.set_ylim(bottom=0)
    for panel in (shares, latencies):
        panel.set_xscale("log")
        panel.set_xlabel("replicas")
        panel.legend(title="balancer")
    counts = [count for count, _ in next(iter(memory.values()))]
    width = 0.8 / len(memory)
    for index, (name, pairs) in enumerate(memory.items()):
        positions = [position + (index - (len(memory) - 1) / 2) * width for position in range(len(counts))]
        states.bar(positions, [1000 * p99_s for _, p99_s in pairs], width, color=COLOURS[index], label=name)
    states.set_xticks(range(len(counts)), [f"{count} replicas" for count in counts])
    states.set_ylabel("p99 of a session's answers (ms)")
    states.set_yscale("log")
    states.legend(title="state of a text")
    for panel in (shares, latencies, states):
        panel.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
