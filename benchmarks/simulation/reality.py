"""Real replicas on this machine, each on one core: their service times are measured, and the model is checked."""

import asyncio
import json
import os
import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from random import Random

from benchmarks.client import Connection, clock
from benchmarks.extras import BenchError
from benchmarks.process import Launch, free_port, running
from benchmarks.simulation.cluster import Tally
from benchmarks.simulation.runs import PROMPT_TOKENS, Result, percentile
from benchmarks.simulation.service_times import ServiceTimes

MODEL, PROMPT, REPEATS = "language-en", "once upon a time there was", 16
LONG_PROMPT = f"{PROMPT} " * REPEATS
ROWS = (1, 2, 4, 8, 16, 32, 64)
PREFILL_ROWS = 8
FEW_TOKENS, MANY_TOKENS = 8, 40
PATH = "/generate"
ROUNDS = 3
IDLE_S = 2.0
"""A connection that was idle for longer is opened again: the server may be about to close it."""


@asynccontextmanager
async def replicas(checkpoints: Path, count: int) -> AsyncIterator[list[int]]:
    """Start so many, each with its threads on a core of its own; yields their ports."""
    cores = sorted(os.sched_getaffinity(0))
    if count > len(cores):
        raise BenchError(f"{count} replicas need as many cores, and there are {len(cores)}")
    with ExitStack() as stack:
        ports = []
        for core in cores[:count]:
            port = free_port()
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            environment = {
                "CAROUSEL_PORT": str(port), "CAROUSEL_CHECKPOINTS": str(checkpoints), "CAROUSEL_MODELS": MODEL,
                "CAROUSEL_THREADS": "1",
            }  # fmt: skip
            os.sched_setaffinity(0, {core})  # the child inherits it
            try:
                stack.enter_context(running(Launch(("-m", "app", "serve"), environment=environment), port, scratch))
            finally:
                os.sched_setaffinity(0, set(cores))
            ports.append(port)
        yield ports


async def measure(port: int, seconds: float) -> ServiceTimes:
    """The service times of one replica, from closed loops of several sizes with short and longer answers.

    In a loop of n clients whose answers have t tokens, a cycle takes t steps of n rows and the admission of n requests:
    two lengths tell the two apart. Medians of ROUNDS rounds, each loop for so many seconds.
    """
    loops = [(rows, tokens, PROMPT) for rows in ROWS for tokens in (FEW_TOKENS, MANY_TOKENS)]
    loops.append((PREFILL_ROWS, FEW_TOKENS, LONG_PROMPT))
    cycles: dict[tuple[int, int, str], list[float]] = {loop: [] for loop in loops}
    for _ in range(ROUNDS):
        for loop in loops:
            cycles[loop].append(await _cycle_s(port, *loop, seconds))
    cycle = {loop: statistics.median(values) for loop, values in cycles.items()}
    steps, requests = [], []
    for rows in ROWS:
        few, many = cycle[rows, FEW_TOKENS, PROMPT], cycle[rows, MANY_TOKENS, PROMPT]
        step_s = (many - few) / (MANY_TOKENS - FEW_TOKENS)
        steps.append((rows, step_s))
        requests.append((few - FEW_TOKENS * step_s) / rows)
    longer = cycle[PREFILL_ROWS, FEW_TOKENS, LONG_PROMPT] - cycle[PREFILL_ROWS, FEW_TOKENS, PROMPT]
    token_s = max(0.0, longer / PREFILL_ROWS / (REPEATS - 1) / PROMPT_TOKENS)
    return ServiceTimes(tuple(steps), max(0.0, statistics.median(requests) - token_s * PROMPT_TOKENS), token_s)


async def _cycle_s(port: int, clients: int, tokens: int, prompt: str, seconds: float) -> float:
    """How long a request takes on average in a closed loop."""
    end, answered = clock() + seconds, 0

    async def client(number: int) -> None:
        nonlocal answered
        connection = Connection(port)
        while clock() < end:
            record = await connection.post(PATH, _body(prompt, tokens, number))
            if record.error:
                raise BenchError(record.error)
            answered += 1

    started = clock()
    await asyncio.gather(*(client(number) for number in range(clients)))
    return clients * (clock() - started) / answered


async def run(ports: Sequence[int], requests: Sequence[tuple[float, int]], seed: int = 0) -> Result:
    """Send requests when they are due, each to a replica with the fewest, as `least_requests` does."""
    draw, outstanding = Random(seed), dict.fromkeys(ports, 0)
    idle: dict[int, list[Connection]] = {port: [] for port in ports}
    tally, start = Tally(), clock()

    async def send(due: float, tokens: int, number: int) -> None:
        least = min(outstanding.values())
        port = draw.choice([port for port in ports if outstanding[port] == least])
        outstanding[port] += 1
        connection = idle[port].pop() if idle[port] else Connection(port)
        if clock() - connection.idle_since > IDLE_S:
            connection.close()
        record = await connection.post(PATH, _body(PROMPT, tokens, number), start=start + due)
        if record.error:
            raise BenchError(record.error)
        outstanding[port] -= 1
        idle[port].append(connection)
        tally.latencies.append(record.end - record.start)
        tally.tokens += tokens

    async with asyncio.TaskGroup() as group:
        for number, (due, tokens) in enumerate(requests):
            await asyncio.sleep(max(0.0, start + due - clock()))
            group.create_task(send(due, tokens, number))
    ordered = sorted(tally.latencies)
    return Result(
        tally.tokens / (clock() - start), percentile(ordered, 0.5), percentile(ordered, 0.99), len(ordered), tally
    )


def _body(prompt: str, tokens: int, seed: int) -> bytes:
    request = {"model": MODEL, "prompt": prompt, "max_new_tokens": tokens, "min_new_tokens": tokens, "seed": seed}
    return json.dumps(request).encode()
