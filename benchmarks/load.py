"""The load generator: a process of its own that talks to one server on this machine.

Closed loop: a number of clients, each of which sends its next request when it has its answer.
Open loop: requests come at random times (a Poisson process) whether or not the server keeps up,
and a request's time counts from when it was due.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Annotated

import typer
import uvloop

from benchmarks.client import Connection, clock
from benchmarks.records import Outcome, Record, write_outcome
from benchmarks.workloads import Workload, get_workload

WARM_UP_S = 2.0
LONGEST_WARM_UP = 3.0
"""A closed loop warms up until each client had an answer, but no longer than this many times the measurement."""
PAUSE_S = 0.1
"""Before a client of a closed loop tries again after a refusal."""
DRAIN_S = 30.0
"""The least time that an open loop waits for the last answers."""
IDLE_S = 2.0
"""A connection that was idle for longer is not used again: the server may be about to close it."""


class Closed:
    """A closed loop of clients that share one sequence of requests."""

    def __init__(self, port: int, workload: Workload, clients: int, seed: int, warm_up_s: float = WARM_UP_S) -> None:
        self.port, self.workload, self.clients, self.warm_up_s = port, workload, clients, warm_up_s
        self.bodies = _encoded(workload, seed)
        self.records: list[Record] = []
        self.missing = clients  # clients without an answer yet
        self.warm = asyncio.Event()

    async def run(self, seconds: float) -> Outcome:
        """Warm up, then measure for some seconds; requests that are open at the end are dropped."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._client()) for _ in range(self.clients)]
            await self._warm_up(max(self.warm_up_s, LONGEST_WARM_UP * seconds))
            begin, cpu_s = clock(), time.process_time()
            await asyncio.sleep(seconds)
            end, cpu_s = clock(), time.process_time() - cpu_s
            for task in tasks:
                task.cancel()
        return Outcome(begin, end, False, cpu_s, tuple(self.records))

    async def _warm_up(self, longest_s: float) -> None:
        await asyncio.sleep(self.warm_up_s)
        try:
            await asyncio.wait_for(self.warm.wait(), longest_s - self.warm_up_s)
        except TimeoutError:
            return

    async def _client(self) -> None:
        connection = Connection(self.port)
        answered = False
        while True:
            record = await connection.post(self.workload.path, next(self.bodies), self.workload.stream)
            self.records.append(record)
            if not answered:
                answered = True
                self.missing -= 1
                if not self.missing:
                    self.warm.set()
            if not record.answered:
                await asyncio.sleep(PAUSE_S)


class Open:
    """An open loop: a mean rate of requests a second, over as many connections as it takes."""

    def __init__(self, port: int, workload: Workload, rate: float, seed: int, warm_up_s: float = WARM_UP_S) -> None:
        self.port, self.workload, self.rate, self.warm_up_s = port, workload, rate, warm_up_s
        self.bodies = _encoded(workload, seed)
        self.random = Random(f"arrivals {seed}")
        self.records: list[Record] = []
        self.idle: list[Connection] = []

    async def run(self, seconds: float) -> Outcome:
        """Warm up, measure for some seconds, then wait for the open requests; one that is late is an error."""
        warm_up = max(self.warm_up_s, 0.3 * seconds)
        begin = clock() + warm_up
        end = begin + seconds
        cpu_s = time.process_time()
        pending = await self._arrivals(end)
        cpu_s = (time.process_time() - cpu_s) * seconds / (warm_up + seconds)
        if pending:
            late = max(DRAIN_S, seconds)
            _, unanswered = await asyncio.wait(pending, timeout=late)
            for task in unanswered:
                task.cancel()
                due = float(task.get_name())
                self.records.append(Record(due, clock(), 0, error=f"no answer {late:.0f} s after the end"))
        for connection in self.idle:
            connection.close()
        return Outcome(begin, end, True, cpu_s, tuple(self.records))

    async def _arrivals(self, end: float) -> set[asyncio.Task[None]]:
        """Send requests until end; return those that are not answered yet, named by when they were due."""
        pending: set[asyncio.Task[None]] = set()
        due = clock() + self.random.expovariate(self.rate)
        while due < end:
            await asyncio.sleep(max(0.0, due - clock()))
            task = asyncio.create_task(self._send(due, next(self.bodies)), name=repr(due))
            pending.add(task)
            task.add_done_callback(pending.discard)
            due += self.random.expovariate(self.rate)
        await asyncio.sleep(max(0.0, end - clock()))
        return set(pending)

    async def _send(self, due: float, body: bytes) -> None:
        connection = self._connection()
        self.records.append(await connection.post(self.workload.path, body, self.workload.stream, start=due))
        self.idle.append(connection)

    def _connection(self) -> Connection:
        if self.idle:
            latest = self.idle.pop()
            if clock() - latest.idle_since < IDLE_S:
                return latest
            latest.close()
        return Connection(self.port)


def _encoded(workload: Workload, seed: int) -> Iterator[bytes]:
    return (json.dumps(body).encode("utf-8") for body in workload.bodies(seed))


def main(
    port: Annotated[int, typer.Option(help="The server's port on 127.0.0.1.")],
    name: Annotated[str, typer.Option("--workload", help="The kind of request.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    seconds: Annotated[float, typer.Option(help="How long to measure.")] = 10.0,
    clients: Annotated[int, typer.Option(help="Clients of a closed loop.")] = 0,
    rate: Annotated[float, typer.Option(help="Requests a second of an open loop.")] = 0.0,
    warm_up: Annotated[float, typer.Option(help="Seconds before the measurement, at the least.")] = WARM_UP_S,
    seed: Annotated[int, typer.Option(help="The same seed gives the same requests.")] = 0,
) -> None:
    """Load a server and record its answers."""

    async def run() -> Outcome:
        workload = get_workload(name)
        loop = Closed(port, workload, clients, seed, warm_up) if clients else Open(port, workload, rate, seed, warm_up)
        return await loop.run(seconds)

    write_outcome(out, uvloop.run(run()))


if __name__ == "__main__":
    typer.run(main)
