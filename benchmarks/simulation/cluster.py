"""The model: replicas that batch by step, a balancer, replicas that die or are replaced, and what clients see of it.

A replica alternates as the engine does: it reads the prompts of what has arrived, then runs one step of all rows. What
a replica can't finish, another continues: after a drain from the state in the reply, after a death from the start.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import simpy

from benchmarks.simulation.service_times import ServiceTimes

PROMPT_TOKENS_AT_ONCE = 64
"""Of prompts, between two steps: the engine's own share of a turn."""


@dataclass(eq=False)
class Request:
    """What one replica gets. ended is triggered with None when all tokens are generated, else with how many are."""

    prompt_tokens: int
    tokens: int
    ended: Any
    session: int = 0
    extra_s: float = 0.0
    """Of the replica's time, beside the admission."""


@dataclass
class Tally:
    """What happened. latencies are of requests that ended after `since`, from when they were due, in seconds."""

    since: float = 0.0
    latencies: list[float] = field(default_factory=list)
    tokens: int = 0
    prompt_tokens: int = 0
    killed: int = 0
    """Requests whose replica died: a client that does not repeat them has lost them."""
    drained: int = 0
    """Requests that a drain interrupted: they continue from their state."""
    repeated_tokens: int = 0
    """Generated or read a second time."""


class Replica:
    """One engine: a batch of rows, and what waits to join it."""

    def __init__(self, env: simpy.Environment, times: ServiceTimes, max_rows: int = 256, offset_s: float = 0.0) -> None:
        """offset_s is where in the measured slowdown the replica begins."""
        self.env, self.times, self.max_rows, self._offset_s = env, times, max_rows, offset_s
        self.accepts, self.drains = True, False
        self._waiting: deque[Request] = deque()
        self._rows: list[tuple[int, int, Request]] = []
        """A heap by the number of the step in which a row ends."""
        self._steps, self._order = 0, itertools.count()
        self._arrival: Any = None
        self._process: Any = env.process(self._run())

    @property
    def outstanding(self) -> int:
        return len(self._waiting) + len(self._rows)

    def submit(self, request: Request) -> None:
        self._waiting.append(request)
        if self._arrival is not None and not self._arrival.triggered:
            self._arrival.succeed()

    def stop(self) -> None:
        """End at once; what is not finished ends with the number of its tokens."""
        self.accepts = False
        if self._process.is_alive:
            self._process.interrupt()
        for request in self._waiting:
            request.ended.succeed(0)
        for end, _, request in self._rows:
            request.ended.succeed(request.tokens - (end - self._steps))
        self._waiting.clear()
        self._rows.clear()

    def _run(self) -> Generator[Any, Any, None]:
        try:
            while True:
                if not self.outstanding:
                    self._arrival = self.env.event()
                    yield self._arrival
                yield self.env.timeout(self._admit() * self._factor())
                yield self.env.timeout(self.times.step(len(self._rows)) * self._factor())
                self._finish_step()
        except simpy.Interrupt:
            return

    def _factor(self) -> float:
        return self.times.factor(self.env.now + self._offset_s)

    def _admit(self) -> float:
        """Start what waits, as far as a turn's prompts go; returns the seconds that it takes."""
        seconds, read = 0.0, 0
        while self._waiting and len(self._rows) < self.max_rows and read < PROMPT_TOKENS_AT_ONCE:
            request = self._waiting.popleft()
            read += request.prompt_tokens
            seconds += self.times.admission(request.prompt_tokens) + request.extra_s
            heapq.heappush(self._rows, (self._steps + request.tokens, next(self._order), request))
        return seconds

    def _finish_step(self) -> None:
        self._steps += 1
        while self._rows and self._rows[0][0] <= self._steps:
            heapq.heappop(self._rows)[2].ended.succeed(None)


Policy = Callable[[Sequence[Replica], Request, Random], Replica]


def at_random(replicas: Sequence[Replica], _: Request, draw: Random) -> Replica:
    return replicas[int(draw.random() * len(replicas))]


def better_of_two(replicas: Sequence[Replica], request: Request, draw: Random) -> Replica:
    """Of two drawn replicas the one with fewer requests (Mitzenmacher 2001)."""
    first, second = at_random(replicas, request, draw), at_random(replicas, request, draw)
    return min(first, second, key=lambda replica: replica.outstanding)


def least_requests(replicas: Sequence[Replica], _: Request, draw: Random) -> Replica:
    """One of those with the fewest requests."""
    least = min(replica.outstanding for replica in replicas)
    return draw.choice([replica for replica in replicas if replica.outstanding == least])


def sticky(replicas: Sequence[Replica], request: Request, _: Random) -> Replica:
    """Always the same one for a session, as long as the replicas stay the same."""
    return replicas[hash((request.session, 0x9E3779B9)) % len(replicas)]


@dataclass(frozen=True)
class Conditions:
    """How the cluster is run. Times are in seconds.

    mean_life_s is that of a replica, with exponential times; restart_s until its successor is ready. update_at starts
    a rolling update: a share of the replicas at a time is drained for drain_s, and replaced by ones that are ready
    after restart_s. keeps_states: a client continues from its state token; otherwise its text is read again.
    shares_cores: the replicas leave no core to the load generator, which takes time of theirs while all are busy.
    """

    policy: Policy = better_of_two
    mean_life_s: float = 0.0
    restart_s: float = 10.0
    update_at: float = 0.0
    update_share: float = 0.1
    drain_s: float = 20.0
    keeps_states: bool = True
    retry_s: float = 0.1
    network_s: float = 0.0005
    shares_cores: bool = False


class Cluster:
    """Replicas behind a balancer. Its tally is what clients see."""

    def __init__(
        self, env: simpy.Environment, times: ServiceTimes, count: int, conditions: Conditions, seed: int = 0
    ) -> None:
        self.env, self.times, self.conditions = env, times, conditions
        self.tally, self._draw = Tally(), Random(seed)
        self._offsets = Random(seed + 1)
        self.replicas = [self._new_replica() for _ in range(count)]
        if conditions.mean_life_s:
            for index in range(count):
                env.process(self._die_and_return(index))
        if conditions.update_at:
            env.process(self._update())

    def request(self, prompt_tokens: int, tokens: int, due: float | None = None, session: int = 0) -> Any:
        """The process of a client's request, until its answer is whole. Its value is the replica that finished it."""
        due = self.env.now if due is None else due
        return self.env.process(self._request(prompt_tokens, tokens, due, session))

    def _request(self, prompt_tokens: int, tokens: int, due: float, session: int) -> Generator[Any, Any, Replica]:
        text_tokens, left = prompt_tokens, tokens
        while True:
            yield self.env.timeout(self.conditions.network_s)
            request = Request(prompt_tokens, left, self.env.event(), session)
            replica = self.choose(request)
            if replica is None:
                yield self.env.timeout(self.conditions.retry_s)
                continue
            self.tally.prompt_tokens += prompt_tokens
            if self.conditions.shares_cores and all(replica.outstanding for replica in self.replicas):
                request.extra_s = self.times.client_s
            replica.submit(request)
            generated = yield request.ended
            if generated is None:
                break
            if replica.drains:
                self.tally.drained += 1
                left -= generated
                prompt_tokens = 1 if self.conditions.keeps_states else text_tokens + tokens - left
                self.tally.repeated_tokens += 0 if self.conditions.keeps_states else prompt_tokens
            else:
                self.tally.killed += 1
                self.tally.repeated_tokens += generated + prompt_tokens
            yield self.env.timeout(self.conditions.retry_s)
        if self.env.now >= self.tally.since:
            self.tally.latencies.append(self.env.now - due)
            self.tally.tokens += tokens
        return replica

    def choose(self, request: Request) -> Replica | None:
        """A replica for a request. One that is gone refuses at once, and the balancer tries others."""
        for _ in range(3):
            replica = self.conditions.policy(self.replicas, request, self._draw)
            if replica.accepts:
                return replica
        accepting = [replica for replica in self.replicas if replica.accepts]
        return self.conditions.policy(accepting, request, self._draw) if accepting else None

    def _die_and_return(self, index: int) -> Generator[Any, Any, None]:
        while True:
            yield self.env.timeout(self._draw.expovariate(1 / self.conditions.mean_life_s))
            yield from self._replace(index)

    def _update(self) -> Generator[Any, Any, None]:
        yield self.env.timeout(self.conditions.update_at)
        size = max(1, round(len(self.replicas) * self.conditions.update_share))
        for begin in range(0, len(self.replicas), size):
            group = range(begin, min(begin + size, len(self.replicas)))
            yield self.env.all_of([self.env.process(self._drain(index)) for index in group])

    def _drain(self, index: int) -> Generator[Any, Any, None]:
        replica = self.replicas[index]
        replica.accepts, replica.drains = False, True
        end = self.env.now + self.conditions.drain_s
        while replica.outstanding and self.env.now < end:
            yield self.env.timeout(0.1)
        yield from self._replace(index)

    def _replace(self, index: int) -> Generator[Any, Any, None]:
        self.replicas[index].stop()
        yield self.env.timeout(self.conditions.restart_s)
        self.replicas[index] = self._new_replica()

    def _new_replica(self) -> Replica:
        return Replica(self.env, self.times, offset_s=self._offsets.random() * self.times.length_s)
