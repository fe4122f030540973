"""From records to numbers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.records import Outcome, Record

MOST_ERRORS = 5


@dataclass(frozen=True)
class Summary:
    """The figures of one load. Times are in milliseconds, and None where nothing was measured.

    throughput is in the workload's units (tokens or requests) a second. first is the time to the
    first token, gap the time between tokens of a stream; p50 and p99 are percentiles. load_cpu is
    how much of one core the load generator took. errors are the most frequent, with their counts.
    """

    requests: int
    refused: int
    failed: int
    errors: tuple[tuple[str, int], ...]
    throughput: float
    units_per_request: float | None
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    first_p50_ms: float | None
    first_p99_ms: float | None
    gap_p50_ms: float | None
    gap_p99_ms: float | None
    load_cpu: float


def summarise(outcome: Outcome, counts_tokens: bool) -> Summary:
    """Summarise a load.

    A closed loop counts the requests that ended within the window. An open loop's times are of the requests
    that were due within it, however late they ended; its throughput, too, is of those that ended within it.
    """
    ended = [record for record in outcome.records if outcome.begin <= record.end < outcome.end]
    due = [record for record in outcome.records if outcome.begin <= record.start < outcome.end]
    counted = due if outcome.is_open else ended
    answered = [record for record in counted if record.answered]
    failed = [record for record in counted if not record.answered and not record.refused]
    units = _units(ended, counts_tokens)
    latencies = [record.end - record.start for record in answered]
    firsts = [record.first - record.start for record in answered if record.first is not None]
    gaps = [gap for record in answered for gap in record.gaps]
    return Summary(
        requests=len(answered),
        refused=sum(record.refused for record in counted),
        failed=len(failed),
        errors=tuple(Counter(record.error for record in failed).most_common(MOST_ERRORS)),
        throughput=units / outcome.seconds,
        units_per_request=_units(answered, counts_tokens) / len(answered) if answered else None,
        latency_p50_ms=percentile_ms(latencies, 50),
        latency_p99_ms=percentile_ms(latencies, 99),
        first_p50_ms=percentile_ms(firsts, 50),
        first_p99_ms=percentile_ms(firsts, 99),
        gap_p50_ms=percentile_ms(gaps, 50),
        gap_p99_ms=percentile_ms(gaps, 99),
        load_cpu=outcome.cpu_s / outcome.seconds,
    )


def percentile_ms(seconds: Sequence[float], percent: float) -> float | None:
    """A percentile in milliseconds, linear between neighbours; None of nothing."""
    return 1000.0 * float(np.percentile(seconds, percent)) if seconds else None


def _units(records: Sequence[Record], counts_tokens: bool) -> int:
    return sum((record.tokens if counts_tokens else 1) for record in records if record.answered)
