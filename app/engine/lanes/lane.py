"""A lane: one kind of work for one model, done in short steps, so that lanes can share a thread."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from app.engine.ticket import Ticket

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@dataclass
class Work:
    """What a step has done, for metrics: rows in the batch, prompt tokens read and tokens generated, tickets that got
    their first token, and tickets that finished with the number of their tokens. search_work is that of the sentences
    that joined a beam search, as in SearchForecast."""

    rows: int = 0
    prompt_tokens: int = 0
    generation_tokens: int = 0
    search_work: int = 0
    started: list[Ticket] = field(default_factory=list)
    finished: list[tuple[Ticket, int]] = field(default_factory=list)


class SlotTask(Protocol):
    """A task, with the slots that it takes, and the share of its work that is done, of 1."""

    @property
    def ticket(self) -> Ticket: ...

    @property
    def slots(self) -> int: ...

    @property
    def progress(self) -> float: ...


class Lane(ABC):
    """Tasks of one kind. A task that fails changes nothing for the others."""

    name: str

    @property
    @abstractmethod
    def busy(self) -> bool:
        """Whether a step would do anything."""

    @property
    @abstractmethod
    def slots(self) -> int:
        """How many of the model's slots its tasks take."""

    @property
    def empty(self) -> bool:
        """Whether it holds no task, not even one that is set aside."""
        return not self.busy

    @property
    def tasks(self) -> "Collection[SlotTask]":
        """Those that take slots, of a lane whose tasks can be set aside, or that shares its slots with such a lane."""
        return ()

    @property
    def aside(self) -> "Collection[SlotTask]":
        """Those that are set aside, the first one first."""
        return ()

    @abstractmethod
    def sweep(self) -> None:
        """Drop the tasks whose ticket has ended."""

    def interrupt(self) -> None:  # noqa: B027 (most lanes have nothing that could continue elsewhere)
        """Finish, with what they have, the tasks that can continue in another process."""

    @abstractmethod
    def step(self, alone: bool, /) -> Work:
        """Do a bounded piece of the work: a few milliseconds, or more if alone, when no other lane is busy."""


class PausingLane(Lane):
    """A lane whose tasks can be set aside, to run on later: their states are values."""

    @property
    @abstractmethod
    def aside(self) -> Collection[Any]:
        """The tasks that are set aside, the first one first."""

    @abstractmethod
    def set_aside(self, task: Any) -> None:
        """Set one of `tasks` aside: it takes no slots."""

    @abstractmethod
    def bring_back(self, task: Any) -> None:
        """Let a task that is set aside run on."""


def run_isolated(
    items: Sequence[ItemT], work: Callable[[Sequence[ItemT]], ResultT]
) -> Iterator[tuple[Sequence[ItemT], ResultT | Exception]]:
    """Do work on a batch of items; where it raises, on its halves, down to the item that is the cause.

    Yields the items of each part with its result, or a single item with its error. work must change nothing where it
    raises.
    """
    try:
        result = work(items)
    except Exception as error:
        if len(items) == 1:
            yield items, error
            return
        middle = len(items) // 2
        yield from run_isolated(items[:middle], work)
        yield from run_isolated(items[middle:], work)
        return
    yield items, result
