"""The metrics of several processes as those of one service."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

Sample = tuple[str, dict[str, str], float]
Family = tuple[str, str, str, list[Sample]]
"""Name, description, type and samples; of a sample its name, labels and value."""
OF_PROCESS = "process_"
"""Families of this prefix are of a process, and not added up."""
CREATED = "_created"
ADDITIVE = ("counter", "histogram")


def families(registry: CollectorRegistry) -> list[Family]:
    """What a registry has, as plain values."""
    return [
        (
            metric.name,
            metric.documentation,
            metric.type,
            [(sample.name, dict(sample.labels), sample.value) for sample in metric.samples],
        )
        for metric in registry.collect()
    ]


def lasting(several: Sequence[Family]) -> list[Family]:
    """Those that still count when their process has ended."""
    return [family for family in several if family[2] in ADDITIVE and not family[0].startswith(OF_PROCESS)]


def merge(processes: Iterable[tuple[str, Sequence[Family]]]) -> list[Family]:
    """Counters, histograms and gauges are added up; what is of a process gets a label with its name."""
    merged: dict[str, tuple[str, str, dict[Any, tuple[str, dict[str, str], float]]]] = {}
    for process, several in processes:
        for name, description, kind, samples in several:
            _, _, values = merged.setdefault(name, (description, kind, {}))
            for sample, labels, value in samples:
                named = {**labels, "process": process} if name.startswith(OF_PROCESS) else labels
                key = (sample, tuple(sorted(named.items())))
                before = values.get(key)
                values[key] = (sample, named, _sum(sample, before[2] if before else None, value))
    return [(name, description, kind, list(values.values())) for name, (description, kind, values) in merged.items()]


def _sum(sample: str, before: float | None, value: float) -> float:
    if before is None:
        return value
    return min(before, value) if sample.endswith(CREATED) else before + value


def page(several: Iterable[Family]) -> bytes:
    """In Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Families(several))
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, several: Iterable[Family]) -> None:
        self._families = several

    def collect(self) -> Iterator[Metric]:
        for name, description, kind, samples in self._families:
            metric = Metric(name, description, kind)
            for sample, labels, value in samples:
                metric.add_sample(sample, labels, value)
            yield metric

    def describe(self) -> Iterator[Metric]:
        return iter(())
