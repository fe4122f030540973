"""All of a workload: closed loops, which find each server's capacity, then open loops at shares of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import median

from benchmarks.arms import ARMS, Arm, Site
from benchmarks.lengths import ask_lengths, write_lengths
from benchmarks.measure import measure
from benchmarks.report import Load, Measurement, fastest_form
from benchmarks.servers import free_port, running


@dataclass(frozen=True)
class Plan:
    """How much to measure: each load for so many seconds, in so many runs."""

    arms: tuple[Arm, ...]
    clients: tuple[int, ...]
    shares: tuple[float, ...]
    seconds: float
    runs: int


@dataclass(frozen=True)
class Capacity:
    """The most that a server did in a closed loop, in units a second, and in which form."""

    throughput: float
    form: str


def measurements(plan: Plan, site: Site) -> Iterator[Measurement]:
    """Measure one server after the other under each load, and all of that in each run.

    So a slow minute of the machine hits all servers alike. The first run measures every form of a
    server, the later ones only the faster.
    """
    arms = [arm for arm in plan.arms if site.workload.name in arm.workloads]
    if any(arm.name == "T" for arm in arms):
        _find_lengths(site)
    done: list[Measurement] = []
    for run, clients, arm in product(range(plan.runs), plan.clients, arms):
        load = Load(clients)
        for form in arm.forms if run == 0 else (fastest_form(_of(done, arm, load)),):
            done.append(measure(arm, form, site, load, plan.seconds, run))
            yield done[-1]
    size = units_per_request(done)
    for run, share, arm in product(range(plan.runs), plan.shares, arms):
        most = capacity([measurement for measurement in done if measurement.arm == arm.name])
        if size and most.throughput:
            load = Load(share=share, rate=share * most.throughput / size)
            yield measure(arm, most.form, site, load, plan.seconds, run)


def capacity(closed: Sequence[Measurement]) -> Capacity:
    """A server's best median throughput over its closed loops."""
    groups: dict[tuple[tuple[int, float], str], list[float]] = {}
    for measurement in closed:
        groups.setdefault((measurement.load.key, measurement.form), []).append(measurement.summary.throughput)
    (_, form), throughputs = max(groups.items(), key=lambda item: median(item[1]))
    return Capacity(median(throughputs), form)


def units_per_request(done: Sequence[Measurement]) -> float:
    """The mean over all servers' answers: their requests are the same."""
    answers = sum(measurement.summary.requests for measurement in done)
    units = sum(measurement.summary.requests * (measurement.summary.units_per_request or 0.0) for measurement in done)
    return units / answers if answers else 0.0


def _of(done: Sequence[Measurement], arm: Arm, load: Load) -> list[Measurement]:
    return [measurement for measurement in done if measurement.arm == arm.name and measurement.load == load]


def _find_lengths(site: Site) -> None:
    site = replace(site, port=free_port())
    with running(ARMS["C"].launch(site, ""), site.port, site.scratch):
        write_lengths(site.lengths, ask_lengths(site.port))
