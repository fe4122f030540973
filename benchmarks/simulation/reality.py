"""Real replicas on this machine, each on one core: their service times are measured, and the model is checked."""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from itertools import accumulate, pairwise
from pathlib import Path
from random import Random

import numpy as np

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
PROBE_TOKENS = 400
PERIOD_S = 0.25
"""Over which the slowdown is averaged: about a request, and longer than pieces of a stream wait for each other."""
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


async def calibrate(port: int, times: ServiceTimes, requests: Sequence[tuple[float, int]]) -> ServiceTimes:
    """The times with what a run of these requests shows: a stream beside it tells when each step ends.

    In closed loops requests arrive together, and in a run one by one: least squares over periods of the run say by
    which factors its steps and admissions differ from the times so far. The slowdown is what is left in each period.
    """
    changes: list[tuple[float, int, int]] = []
    ends: list[list[float]] = []
    probe = asyncio.create_task(_probe(port, ends))
    await run([port], requests, changes=changes)
    probe.cancel()
    some, cpu_s = requests[: len(requests) // 3], time.process_time()
    await run([port], some)  # without the stream, which costs the client time too
    return fit(times, periods(times, ends, changes), (time.process_time() - cpu_s) / len(some))


def fit(times: ServiceTimes, observed: Sequence[tuple[float, float, float]], client_s: float) -> ServiceTimes:
    """The times that make the seconds of `periods` most likely, and the slowdown that is left in each of them."""
    table = np.array(observed)
    (step, admission), *_ = np.linalg.lstsq(table[:, 1:], table[:, 0], rcond=None)
    factors = table[:, 0] / (table[:, 1:] @ (step, admission))
    return ServiceTimes(
        tuple((rows, float(step * seconds)) for rows, seconds in times.step_s),
        float(admission * times.request_s),
        float(admission * times.prompt_token_s),
        client_s,
        tuple(zip(table[:, 0].tolist(), factors.tolist(), strict=True)),
    )


def periods(
    times: ServiceTimes, ends: Sequence[Sequence[float]], changes: Sequence[tuple[float, int, int]]
) -> list[tuple[float, float, float]]:
    """Of periods of PERIOD_S or a step more: seconds, and those of its steps and of its admissions by the times.

    A step has a row for the stream, and one for each request that is outstanding when it ends.
    """
    observed, seconds, steps_s, admissions_s, index = [], 0.0, 0.0, 0.0, 0
    for stream in ends:
        for before, end in pairwise(stream):
            while index < len(changes) and changes[index][0] < end:
                if changes[index][0] >= before and changes[index][2] > 0:
                    admissions_s += times.admission(PROMPT_TOKENS)
                index += 1
            seconds += end - before
            steps_s += times.step(1 + (changes[index - 1][1] if index else 0))
            if seconds >= PERIOD_S:
                observed.append((seconds, steps_s, admissions_s))
                seconds = steps_s = admissions_s = 0.0
    return observed


async def _probe(port: int, ends: list[list[float]]) -> None:
    """One stream after the other; when their tokens arrive is appended to ends."""
    connection = Connection(port)
    while True:
        record = await connection.post(PATH, _body(PROMPT, PROBE_TOKENS, 0, stream=True), stream=True)
        if record.error or record.first is None:
            raise BenchError(record.error or "a stream without tokens")
        ends.append(list(accumulate(record.gaps, initial=record.first)))


async def run(
    ports: Sequence[int],
    requests: Sequence[tuple[float, int]],
    seed: int = 0,
    changes: list[tuple[float, int, int]] | None = None,
) -> Result:
    """Send requests when they are due, each to a replica with the fewest, as `least_requests` does.

    To changes are appended the times at which the number of outstanding requests changes, that number, and by how many.
    """
    changes = [] if changes is None else changes
    draw, outstanding = Random(seed), dict.fromkeys(ports, 0)
    idle: dict[int, list[Connection]] = {port: [] for port in ports}
    tally, start = Tally(), clock()

    async def send(due: float, tokens: int, number: int) -> None:
        least = min(outstanding.values())
        port = draw.choice([port for port in ports if outstanding[port] == least])
        outstanding[port] += 1
        changes.append((clock(), sum(outstanding.values()), 1))
        connection = idle[port].pop() if idle[port] else Connection(port)
        if clock() - connection.idle_since > IDLE_S:
            connection.close()
        record = await connection.post(PATH, _body(PROMPT, tokens, number), start=start + due)
        if record.error:
            raise BenchError(record.error)
        outstanding[port] -= 1
        changes.append((clock(), sum(outstanding.values()), -1))
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


def _body(prompt: str, tokens: int, seed: int, stream: bool = False) -> bytes:
    request = {"model": MODEL, "prompt": prompt, "max_new_tokens": tokens, "min_new_tokens": tokens, "seed": seed}
    request |= {"stream": True} if stream else {}
    return json.dumps(request).encode()
