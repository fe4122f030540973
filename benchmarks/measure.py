"""All measurements of a workload: closed loops, which find each server's capacity, then open loops at shares of it.

Each measurement has a fresh server process, so that nothing of the load before it is left, and another for the load.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import median

from benchmarks.arms import ARMS, Arm, ServerConfig
from benchmarks.extras import BenchError
from benchmarks.load import DRAIN_S, LONGEST_WARM_UP, WARM_UP_S
from benchmarks.process import free_port, running
from benchmarks.records import Outcome, read_outcome
from benchmarks.report import Load, Measurement, fastest_form
from benchmarks.rivals.lengths import measure_lengths, write_lengths
from benchmarks.summary import summarise

SLACK_S = 60.0
"""Added to how long a load may take."""


@dataclass(frozen=True)
class Plan:
    """What to measure: each load for so many seconds after a warm-up, in so many runs."""

    arms: tuple[Arm, ...]
    clients: tuple[int, ...]
    shares: tuple[float, ...]
    seconds: float
    runs: int
    warm_up_s: float = WARM_UP_S


@dataclass(frozen=True)
class Capacity:
    """The most that a server did in a closed loop, in units a second, and in which form."""

    throughput: float
    form: str


def measurements(plan: Plan, config: ServerConfig) -> Iterator[Measurement]:
    """Measure every server under each load in turn, and all of that in each run.

    So a slow minute of the machine affects all servers alike. The first run measures every form of a
    server, later ones only the fastest.
    """
    arms = [arm for arm in plan.arms if config.workload.name in arm.workloads]
    if any(arm.name == "T" for arm in arms):
        _prepare_lengths(config)
    closed: list[Measurement] = []
    for run, clients, arm in product(range(plan.runs), plan.clients, arms):
        load = Load(clients)
        for form in arm.forms if run == 0 else (fastest_form(_select(closed, arm, load)),):
            closed.append(_measure(plan, arm, form, config, load, run))
            yield closed[-1]
    units = units_per_request(closed)
    for run, share, arm in product(range(plan.runs), plan.shares, arms):
        best = capacity(_select(closed, arm))
        if units and best.throughput:
            yield _measure(plan, arm, best.form, config, Load(share=share, rate=share * best.throughput / units), run)


def capacity(closed: Sequence[Measurement]) -> Capacity:
    """A server's best median throughput over its closed loops."""
    groups: dict[tuple[tuple[int, float], str], list[float]] = {}
    for measurement in closed:
        groups.setdefault((measurement.load.key, measurement.form), []).append(measurement.summary.throughput)
    (_, form), throughputs = max(groups.items(), key=lambda item: median(item[1]))
    return Capacity(median(throughputs), form)


def units_per_request(closed: Sequence[Measurement]) -> float:
    """The mean over the answers of all servers: their requests are the same."""
    answers = sum(measurement.summary.requests for measurement in closed)
    units = sum(measurement.summary.requests * (measurement.summary.units_per_request or 0.0) for measurement in closed)
    return units / answers if answers else 0.0


def _select(closed: Sequence[Measurement], arm: Arm, load: Load | None = None) -> list[Measurement]:
    return [one for one in closed if one.arm == arm.name and load in {None, one.load}]


def _prepare_lengths(config: ServerConfig) -> None:
    config = replace(config, port=free_port())
    with running(ARMS["C"].launch(config, ""), config.port, config.scratch):
        write_lengths(config.lengths, measure_lengths(config.port))


def _measure(plan: Plan, arm: Arm, form: str, config: ServerConfig, load: Load, run: int) -> Measurement:
    """Start a server, load it from another process, stop it. Raises BenchError where one of them fails."""
    config = replace(config, port=free_port())
    with running(arm.launch(config, form), config.port, config.scratch) as monitor:
        outcome = _generate_load(plan, config, load, seed=run)
    workload = config.workload
    summary = summarise(outcome, workload.counts_tokens)
    return Measurement(
        workload.name, arm.name, form, load, run, monitor.peak_bytes / 1e6, monitor.others_cpu, summary
    )  # fmt: skip


def _generate_load(plan: Plan, config: ServerConfig, load: Load, seed: int) -> Outcome:
    out = config.scratch / "outcome.json"
    amount = ("--rate", repr(load.rate)) if load.is_open else ("--clients", str(load.clients))
    command = [
        sys.executable, "-m", "benchmarks.load", "--port", str(config.port), "--workload", config.workload.name,
        "--seconds", str(plan.seconds), "--warm-up", str(plan.warm_up_s), "--seed", str(seed),
        "--out", str(out), *amount,
    ]  # fmt: skip
    timeout_s = (LONGEST_WARM_UP + 2.0) * plan.seconds + DRAIN_S + SLACK_S
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise BenchError(f"the load generator did not end within {timeout_s:.0f} s") from None
    if result.returncode:
        raise BenchError(f"the load generator failed: {result.stderr.strip()[-500:]}")
    return read_outcome(out)
