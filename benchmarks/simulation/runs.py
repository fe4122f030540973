"""Runs of the model: open and closed loops, failures, updates, sessions."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Literal

import simpy

from benchmarks.simulation.cluster import Cluster, Conditions, Request, Tally, least_requests, sticky
from benchmarks.simulation.service_times import ServiceTimes

WARM_UP_S = 3.0
SHORTEST, MEAN, LONGEST = 4, 16, 96
"""Tokens of an answer: exponential above the shortest, cut off."""
MEAN_TOKENS = 15.5
"""Of answers: what rounding and cutting leave of the mean."""
PROMPT_TOKENS = 6
PAUSE_S = 2.0
"""Between the turns of a session, on average."""
Memory = Literal["client", "replica", "none"]


@dataclass(frozen=True)
class Result:
    """tokens_s are answered tokens a second; latencies in seconds; share_of_sum is set by comparisons."""

    tokens_s: float
    p50_s: float
    p99_s: float
    requests: int
    tally: Tally


def length(draw: Random) -> int:
    """The number of tokens of an answer."""
    return min(SHORTEST + int(draw.expovariate(1 / (MEAN - SHORTEST))), LONGEST)


def trace(rate: float, seconds: float, seed: int) -> list[tuple[float, int]]:
    """Requests of a Poisson process: when each is due, and the tokens of its answer."""
    draw, due, requests = Random(seed), 0.0, []
    while (due := due + draw.expovariate(rate)) < seconds:
        requests.append((due, length(draw)))
    return requests


def open_loop(
    times: ServiceTimes, count: int, requests: Sequence[tuple[float, int]], conditions: Conditions | None = None
) -> Result:
    """Requests that come whether or not the replicas keep up; throughput is until the last of them is answered."""
    env = simpy.Environment()
    cluster = Cluster(env, times, count, conditions or Conditions(policy=least_requests))

    def arrive() -> Generator[Any, Any, None]:
        answers = []
        for due, tokens in requests:
            yield env.timeout(due - env.now)
            answers.append(cluster.request(PROMPT_TOKENS, tokens))
        yield env.all_of(answers)

    env.run(env.process(arrive()))
    return _result(cluster.tally, env.now)


def closed_loop(
    times: ServiceTimes, count: int, clients: int, seconds: float, conditions: Conditions | None = None, seed: int = 0
) -> Result:
    """So many clients a replica, each of which sends its next request when it has its answer."""
    env = simpy.Environment()
    cluster = Cluster(env, times, count, conditions or Conditions(), seed)
    cluster.tally.since = WARM_UP_S

    def client(draw: Random) -> Generator[Any, Any, None]:
        yield env.timeout(draw.random())
        while True:
            yield cluster.request(PROMPT_TOKENS, length(draw))

    for number in range(count * clients):
        env.process(client(Random(f"{seed} {number}")))
    env.run(WARM_UP_S + seconds)
    return _result(cluster.tally, seconds)


def sessions(
    times: ServiceTimes, count: int, clients: int, seconds: float, memory: Memory, mean_life_s: float = 0.0
) -> Result:
    """Clients that continue one text: each turn adds PROMPT_TOKENS, and gets an answer, after a pause.

    memory says where a text's state is: in a token that the client has, for any replica; in the memory of one replica,
    to which the balancer sends the session; or nowhere, so that each turn reads the whole text.
    """
    env = simpy.Environment()
    conditions = Conditions(mean_life_s=mean_life_s, keeps_states=memory == "client")
    if memory == "replica":
        conditions = replace(conditions, policy=sticky)
    cluster = Cluster(env, times, count, conditions)
    cluster.tally.since = WARM_UP_S

    def client(number: int) -> Generator[Any, Any, None]:
        draw, text, last = Random(number), 0, None
        while True:
            yield env.timeout(draw.expovariate(1 / PAUSE_S))
            remembered = memory == "client" or (
                memory == "replica" and last is not None and last is cluster.choose(Request(0, 0, None, number))
            )
            text += PROMPT_TOKENS
            tokens = length(draw)
            last = yield cluster.request(PROMPT_TOKENS if remembered else text, tokens, session=number)
            text += tokens
            if text > 1000:  # a new text
                text, last = 0, None

    for number in range(count * clients):
        env.process(client(number))
    env.run(WARM_UP_S + seconds)
    return _result(cluster.tally, seconds)


def _result(tally: Tally, seconds: float) -> Result:
    ordered = sorted(tally.latencies)
    return Result(
        tokens_s=tally.tokens / seconds,
        p50_s=percentile(ordered, 0.5),
        p99_s=percentile(ordered, 0.99),
        requests=len(ordered),
        tally=tally,
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """A percentile of sorted values; infinite where there are none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("inf")
