"""Python's garbage collector in a process that serves: what it leaves out, when it runs, and for how long.

It stops all threads of Python while it runs, so an answer that is on its way waits for it. What frees memory is
reference counting; the collector is for objects that refer to each other in a circle.
"""

import gc
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

THRESHOLDS = (2000, 5, 100)
"""Of `gc.set_threshold`, by measurement (docs/decisions/garbage-collection.md)."""
BOUNDS = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512)
"""Upper bounds of pauses in seconds."""


def leave_out_all() -> None:
    """Collect from now on, and leave out what there is: modules, above all, which take 200 ms to look through.

    What is loaded later need not be left out: a model is some 500 objects.
    """
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()


class Pauses(Collector):
    """The seconds of collections, by generation.

    No metric of prometheus_client, which has locks: a collection may begin in a thread that holds one. This needs none,
    since no collection begins during another.
    """

    def __init__(self) -> None:
        self._counts = [[0] * (len(BOUNDS) + 1) for _ in gc.get_threshold()]
        """Of each generation, how many pauses are up to each bound and over the one before; the last over all."""
        self._sums = [0.0 for _ in gc.get_threshold()]
        self._begun = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Measure the collections of this process."""
        gc.callbacks.append(self._note)
        try:
            yield
        finally:
            gc.callbacks.remove(self._note)

    def _note(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._begun = time.perf_counter()
            return
        seconds, generation = time.perf_counter() - self._begun, info["generation"]
        self._sums[generation] += seconds
        self._counts[generation][bisect_left(BOUNDS, seconds)] += 1

    def collect(self) -> Iterator[HistogramMetricFamily]:
        family = HistogramMetricFamily(
            "carousel_gc_pause_seconds", "A run of Python's garbage collector.", labels=["generation"]
        )
        for generation, (counts, seconds) in enumerate(zip(self._counts, self._sums, strict=True)):
            names = [*map(str, BOUNDS), "+Inf"]
            family.add_metric([str(generation)], list(zip(names, accumulate(counts), strict=True)), seconds)
        yield family
