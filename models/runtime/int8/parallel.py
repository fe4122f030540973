"""Texts in parallel threads."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from torch import Tensor

ResultT = TypeVar("ResultT")


class TextThreads:
    """Runs a function that releases Python's lock on several texts at the same time, one thread each."""

    def __init__(self, threads: int = 0) -> None:
        """0 threads are one a core."""
        self._threads = threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._threads, "texts")

    def map(self, function: Callable[[Tensor], ResultT], texts: Sequence[Tensor]) -> list[ResultT]:
        """The function's results for texts, ids (T,) each, in their order."""
        if len(texts) == 1:
            return [function(texts[0])]
        # sorted by length and dealt out in turn, so that the threads have about the same number of tokens each
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        shares = [order[first :: self._threads] for first in range(self._threads)]
        results: dict[int, ResultT] = {}
        for part in self._pool.map(lambda share: {index: function(texts[index]) for index in share}, shares):
            results |= part
        return [results[index] for index in range(len(texts))]
