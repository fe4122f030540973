"""A list of texts as batches, one for each job: those of a batch share a model."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import groupby
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")


class Batches(Generic[KeyT]):
    """Texts grouped by a key. indices are, for each batch, its texts' indices in the list.

    Where they are consecutive, a batch has only texts that follow one another: the batches, one after the other, are
    then in the order of the list, as a stream needs.
    """

    def __init__(self, texts: Sequence[str], keys: Sequence[KeyT], consecutive: bool = False) -> None:
        self._texts, self._keys = texts, keys
        first = {key: index for index, key in reversed(list(enumerate(keys)))}
        order = list(range(len(keys)))
        if not consecutive:
            order.sort(key=lambda index: first[keys[index]])
        self.indices = [list(group) for _, group in groupby(order, key=lambda index: keys[index])]

    def jobs(self, make_job: Callable[[tuple[str, ...], KeyT], JobT]) -> list[JobT]:
        """A job for each batch, made of its texts and their key."""
        return [
            make_job(tuple(self._texts[index] for index in indices), self._keys[indices[0]]) for indices in self.indices
        ]

    def in_order(self, results: Sequence[Sequence[ResultT]]) -> list[ResultT]:
        """The results of the batches' texts, in the order of the list."""
        return [result for _, result in sorted(self._indexed(results), key=lambda item: item[0])]

    def _indexed(self, results: Sequence[Sequence[ResultT]]) -> Iterator[tuple[int, ResultT]]:
        for indices, of_batch in zip(self.indices, results, strict=True):
            yield from zip(indices, of_batch, strict=True)
