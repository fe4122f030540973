"""The lane that reads prompts, in chunks, so that a long one never stops those who write."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from app.engine.schedule import isolated
from app.engine.ticket import Outbox, Ticket
from models.runtime.interface import LanguageRuntime
from models.runtime.state import State, join

TURN_S = 0.002
"""How long a turn may take beside other lanes."""
LONGEST_CHUNK = 64


class Reader(Protocol):
    """What is done with a prompt that has been read."""

    @property
    def ticket(self) -> Ticket: ...

    @property
    def ids(self) -> Sequence[int]: ...

    @property
    def seats(self) -> int: ...

    def go_on(self, state: State) -> None:
        """Called with the state, of one row, after all ids but the last."""


@dataclass(eq=False)
class _Row:
    reader: Reader
    state: State
    position: int = 0

    @property
    def left(self) -> int:
        return len(self.reader.ids) - 1 - self.position


class ReadingLane:
    """Reads side by side what is to be read; the last id of each prompt is left to the lane that goes on."""

    def __init__(self, runtime: LanguageRuntime, outbox: Outbox, clock: Callable[[], float] = time.monotonic) -> None:
        self._runtime, self._outbox, self._clock = runtime, outbox, clock
        self._start = runtime.start(1)
        self._rows: list[_Row] = []
        self._token_s = TURN_S / 4  # how long the reading of one token takes, as last seen

    @property
    def seats(self) -> int:
        """How many rows those who are being read will take."""
        return sum(row.reader.seats for row in self._rows)

    @property
    def busy(self) -> bool:
        return bool(self._rows)

    def add(self, reader: Reader) -> None:
        """Read a reader's ids from the start."""
        self._rows.append(_Row(reader, self._start))

    def sweep(self) -> None:
        """Drop the rows of those who are gone."""
        self._rows = [row for row in self._rows if not row.reader.ticket.gone]

    def turn(self, alone: bool, /) -> None:
        reading = [row for row in self._rows if row.left]
        if reading:
            longest = LONGEST_CHUNK if alone else max(1, int(TURN_S / self._token_s))
            width = min(longest, *(row.left for row in reading))
            started = self._clock()
            for rows, result in isolated(reading, lambda some: self._prefill(some, width)):
                for place, row in enumerate(rows):
                    if isinstance(result, Exception):
                        self._outbox.fail(row.reader.ticket, result)
                    else:
                        row.position += width
                        row.state = result.rows(slice(place, place + 1))
            self._token_s = max((self._clock() - started) / width, 1e-6)
        for row in self._rows:
            if not row.left and not row.reader.ticket.gone:
                row.reader.go_on(row.state)
        self._rows = [row for row in self._rows if row.left and not row.reader.ticket.gone]

    def _prefill(self, rows: Sequence[_Row], width: int) -> State:
        ids = torch.tensor([row.reader.ids[row.position : row.position + width] for row in rows])
        return self._runtime.prefill(ids, join([row.state for row in rows]))
