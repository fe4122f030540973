"""Under more load than it has time for, an engine ends what it begins, in time, and refuses the rest early."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import ANY

import pytest

from app.catalog.registry import Registry
from app.engine.forecast import Forecast, Line, Running
from app.engine.jobs import GenerateJob, PredictJob
from app.engine.lengths import Lengths
from app.engine.step_times import StepTimes
from app.engine.ticket import Caller, Ticket
from app.errors import DeadlineExceeded, QueueFull
from models.sampling import SamplingConfig
from tests.engine.conftest import Driver, MakeDriver
from tests.helpers import END, Wrapped, wrapped

pytestmark = pytest.mark.anyio
FLOOD, OTHER = Caller("flood"), Caller("other")
SLOTS, CHOICES, TOKENS, TIMEOUT_S = 32, 4, 20, 20.0
JOB: dict[str, Any] = {"choices": CHOICES, "max_new_tokens": TOKENS, "sampling": SamplingConfig(1.0)}


@dataclass
class Speed:
    """Seconds of a step: base_s, and row_s more for each row."""

    base_s: float
    row_s: float

    def step_s(self, rows: int) -> float:
        return self.base_s + rows * self.row_s

    @property
    def capacity(self) -> float:
        """The requests a second that can end in time, of the batch that suits them best."""
        sizes = range(CHOICES, SLOTS + 1, CHOICES)
        rates = [rows / self.step_s(rows) for rows in sizes if TOKENS * self.step_s(rows) <= TIMEOUT_S]
        return max(rates) / CHOICES / TOKENS


class Slow(Wrapped):
    """A runtime whose steps move the clock. Its texts end only where `ends` says so."""

    def __init__(self, runtime: Any, clock: Any, speed: Speed, ends: bool) -> None:
        super().__init__(runtime)
        self._clock, self._speed, self._ends = clock, speed, ends

    def prefill(self, texts: Any, state: Any) -> Any:
        self._clock.now += 0.001
        return self._runtime.prefill(texts, state)

    def step(self, ids: Any, state: Any) -> Any:
        self._clock.now += self._speed.step_s(len(ids))
        logits, state = self._runtime.step(ids, state)
        logits[:, END] = logits.logsumexp(dim=1) - 1.0 if self._ends else -1e4
        return logits, state


@dataclass
class Outcome:
    """What became of the requests of a flood, and how long the other caller's took."""

    statuses: Counter[str] = field(default_factory=Counter)
    retries_after_s: list[float] = field(default_factory=list)
    refused_after_s: list[float] = field(default_factory=list)
    others_s: list[float] = field(default_factory=list)


async def flood(driver: Driver, speed: Speed, load: float, seconds: float, others: bool = False) -> Outcome:
    """Requests come load times as fast as they can be done; the other caller's small ones, one a second at most."""
    outcome, pending = Outcome(), list[Ticket]()
    begin, sent, other = driver.clock.now, 0, None
    while driver.clock.now < begin + seconds:
        while sent < (driver.clock.now - begin) * load * speed.capacity:
            sent += 1
            job = GenerateJob("the man", seed=sent, **JOB)
            try:
                pending.append(await driver.submit(job, FLOOD))
            except QueueFull as error:
                outcome.statuses["refused"] += 1
                outcome.retries_after_s.append(error.retry_after_s)
        if others and other is None and driver.clock.now >= begin + len(outcome.others_s):
            other = await driver.submit(PredictJob("the man", 3, "token"), OTHER)
        if not pending and other is None:
            driver.clock.now += 0.1
        driver.step()
        await driver.settle()
        _count(driver, pending, outcome)
        if other and driver.events[other]:
            assert driver.result(other)
            outcome.others_s.append(driver.clock.now - other.created)
            other = None
    await drain(driver, pending, outcome)
    assert all(seconds > 0 for seconds in outcome.retries_after_s)
    return outcome


async def solo(driver: Driver, job: GenerateJob) -> Any:
    ticket = await driver.submit(job)
    await driver.finish()
    return driver.result(ticket)


async def drain(driver: Driver, pending: list[Ticket], outcome: Outcome) -> None:
    while pending:
        driver.step()
        await driver.settle()
        _count(driver, pending, outcome)


def _count(driver: Driver, pending: list[Ticket], outcome: Outcome) -> None:
    """Count the requests that have ended, and remove them."""
    for ticket in [ticket for ticket in pending if driver.events[ticket]]:
        pending.remove(ticket)
        error = driver.end(ticket).error
        if error is None:
            outcome.statuses["ended"] += 1
        elif isinstance(error, QueueFull):
            outcome.statuses["refused"] += 1
            outcome.refused_after_s.append(driver.clock.now - ticket.created)
        else:
            assert isinstance(error, DeadlineExceeded), error
            outcome.statuses["late"] += 1


SPEEDS = {
    "all slots at once": Speed(0.05, 0.005),
    "time in proportion to rows": Speed(0.001, 0.01),
    "too slow for all slots": Speed(0.2, 0.05),
}


@pytest.fixture
def drive(make_driver: MakeDriver, registry: Registry) -> Any:
    def make(speed: Speed, ends: bool = False, **config: Any) -> Driver:
        driver = make_driver(max_rows=SLOTS, max_queued=64, timeout_s=TIMEOUT_S, **config)
        slow = wrapped(registry, "language-en", lambda runtime: Slow(runtime, driver.clock, speed, ends))
        driver.engine.registry = slow
        return driver

    return make


@pytest.mark.parametrize("speed", SPEEDS.values(), ids=SPEEDS)
@pytest.mark.parametrize("load", [1.5, pytest.param(4.0, marks=pytest.mark.slow)])
async def test_what_is_admitted_ends_in_time(drive: Any, speed: Speed, load: float) -> None:
    """None is begun or queued in vain, and most of the capacity is used."""
    driver, seconds = drive(speed), 6 * TIMEOUT_S
    outcome = await flood(driver, speed, load, seconds)
    assert outcome.statuses["late"] == 0
    assert outcome.statuses["ended"] >= 0.8 * speed.capacity * seconds
    assert max(outcome.refused_after_s, default=0.0) < 0.7 * TIMEOUT_S


async def test_texts_that_end_before_their_limit_make_room_for_others(drive: Any) -> None:
    """Not refused as if each took all the tokens that it may take: a third of them end by themselves."""
    speed = Speed(0.2, 0.02)
    outcome = await flood(drive(speed, ends=True), speed, 4.0, 6 * TIMEOUT_S)
    assert outcome.statuses["ended"] > 1.3 * speed.capacity * 6 * TIMEOUT_S
    assert outcome.statuses["late"] <= 0.05 * outcome.statuses["ended"]


@pytest.mark.parametrize("speed", SPEEDS.values(), ids=SPEEDS)
async def test_another_caller_is_served_at_once_in_a_flood(drive: Any, speed: Speed) -> None:
    """Its small requests wait for a few steps, not for the flood, of which none ends late."""
    outcome = await flood(drive(speed), speed, 4.0, 4 * TIMEOUT_S, others=True)
    assert max(outcome.others_s) <= 4 * speed.step_s(SLOTS)
    assert outcome.statuses["late"] == 0
    assert outcome.statuses["ended"] >= 0.5 * speed.capacity * 4 * TIMEOUT_S


async def test_a_burst_to_an_engine_that_knows_nothing(drive: Any) -> None:
    """What can end in time does."""
    speed, outcome = SPEEDS["too slow for all slots"], Outcome()
    driver = drive(speed)
    tickets = [await driver.submit(GenerateJob("the man", seed=seed, **JOB)) for seed in range(60)]
    await drain(driver, tickets, outcome)
    assert outcome.statuses["late"] == 0


async def test_a_slow_first_step_refuses_nothing(drive: Any) -> None:
    """It says little of those that follow: what comes during it or right after it is admitted, and ends in time."""
    speed, outcome = Speed(3.0, 0.0), Outcome()
    driver = drive(speed)
    tickets = [await driver.submit(GenerateJob("the man", seed=0, **JOB))]
    driver.step(2)  # its prompt, and the slow step
    assert driver.clock.now > 3.0
    speed.base_s = 0.01
    for seed in range(1, 32):
        tickets.append(await driver.submit(GenerateJob("the man", seed=seed, **JOB)))
    await drain(driver, tickets, outcome)
    assert outcome.statuses == {"ended": 32}


class SlowPrompts(Wrapped):
    """A runtime that takes so many seconds to read prompts, and meanwhile something else happens."""

    seconds = 0.01

    def __init__(self, runtime: Any, clock: Any) -> None:
        super().__init__(runtime)
        self._clock = clock
        self.meanwhile: Callable[[], None] = lambda: None

    def prefill(self, texts: Any, state: Any) -> Any:
        self._clock.now += self.seconds
        self.meanwhile()
        return self._runtime.prefill(texts, state)


@pytest.fixture
def predict(make_driver: MakeDriver, registry: Registry) -> tuple[Driver, SlowPrompts]:
    """A driver, and the runtime that answers its predictions."""
    driver = make_driver(registry, timeout_s=TIMEOUT_S)
    runtimes: list[SlowPrompts] = []

    def wrap(runtime: Any) -> SlowPrompts:
        runtimes.append(SlowPrompts(runtime, driver.clock))
        return runtimes[0]

    driver.engine.registry = wrapped(registry, "language-en", wrap)
    return driver, runtimes[0]


async def predictions(driver: Driver, count: int) -> None:
    """So many at once, all of which are admitted and answered."""
    tickets = [await driver.submit(PredictJob("the man", 3, "token")) for _ in range(count)]
    await driver.finish()
    assert all(driver.result(ticket) for ticket in tickets)


async def test_a_slow_first_answer_refuses_nothing(predict: tuple[Driver, SlowPrompts]) -> None:
    """As long as few were given, one that took long says little of those that follow."""
    driver, runtime = predict
    runtime.seconds = TIMEOUT_S / 2
    await predictions(driver, 1)
    runtime.seconds = 0.01
    await predictions(driver, 32)


async def test_cancelled_work_says_nothing_of_the_pace(predict: tuple[Driver, SlowPrompts]) -> None:
    """Nothing came of the time that it took, so that it must not count as time for what was answered."""
    driver, runtime = predict
    for _ in range(6):
        await predictions(driver, 1)
    for _ in range(6):
        ticket = await driver.submit(PredictJob("the man", 3, "token"))
        runtime.seconds, runtime.meanwhile = TIMEOUT_S / 2, ticket.cancel
        await driver.finish()
    runtime.seconds, runtime.meanwhile = 0.01, lambda: None
    await predictions(driver, 32)


async def test_a_queue_is_refused_where_steps_become_slower(drive: Any) -> None:
    """What waits and can't end in time any more is refused before its deadline."""
    speed, outcome = Speed(0.05, 0.005), Outcome()
    driver = drive(speed)
    await flood(driver, speed, 2.0, TIMEOUT_S)
    tickets = [await driver.submit(GenerateJob("the man", seed=seed, **JOB)) for seed in range(24)]
    driver.step(2)
    speed.base_s *= 6
    await drain(driver, tickets, outcome)
    assert outcome.statuses["refused"] > 0
    assert max(outcome.refused_after_s) < 0.7 * TIMEOUT_S
    assert outcome.statuses["late"] == 0


async def test_some_of_what_runs_ends_in_time_where_steps_become_slower(drive: Any) -> None:
    """The others are ended before their deadline, and may be sent again."""
    speed, outcome = Speed(0.02, 0.02), Outcome()
    driver = drive(speed)
    tickets = []
    for seed in range(SLOTS // CHOICES):
        caller = OTHER if seed == SLOTS // CHOICES - 1 else FLOOD
        tickets.append(await driver.submit(GenerateJob("the man", seed=seed, **JOB), caller))
        driver.step(2)
    assert driver.engine.running == len(tickets)
    speed.row_s *= 2.5
    pending = [tickets[0], tickets[-1]]
    await drain(driver, pending, outcome)
    assert outcome.statuses == {"ended": 2}  # the first of each caller, also of one that came last
    pending = tickets[1:-1]
    await drain(driver, pending, outcome)
    assert outcome.statuses["late"] == 0
    assert outcome.statuses["refused"] > 0
    assert max(outcome.refused_after_s) < TIMEOUT_S
    errors = [driver.end(ticket).error for ticket in tickets]
    assert all(error.retry_after_s > 0 for error in errors if isinstance(error, QueueFull))
    assert driver.engine.empty


async def test_none_is_ended_where_all_can_end(drive: Any) -> None:
    speed, outcome = Speed(0.02, 0.01), Outcome()
    driver = drive(speed)
    tickets = [await driver.submit(GenerateJob("the man", seed=seed, **JOB)) for seed in range(SLOTS // CHOICES)]
    driver.step(4)
    speed.row_s *= 2
    await drain(driver, tickets, outcome)
    assert outcome.statuses == {"ended": SLOTS // CHOICES}


async def test_a_slow_moment_does_not_keep_generations_out_for_good(drive: Any) -> None:
    """An idle engine takes them at whatever speed it was measured last, also beside small requests of another kind."""
    speed = Speed(0.01, 0.001)
    driver = drive(speed)
    await solo(driver, GenerateJob("the man", seed=1, **JOB))
    speed.base_s = 1.9
    late = await driver.submit(GenerateJob("the man", seed=1, **JOB))
    await driver.finish()
    assert driver.end(late)
    speed.base_s = 0.01
    for seed in range(3):
        small = await driver.submit(PredictJob("the man", 3, "token"), OTHER)
        ticket = await driver.submit(GenerateJob("the man", seed=seed, **JOB))
        await driver.finish()
        assert driver.result(small)
        assert driver.result(ticket)


class TestStepTimes:
    def test_a_line_is_found(self) -> None:
        times = StepTimes()
        for rows in (1, 30, 8, 64, 16, 2) * 5:
            times.record(rows, 0.5 + 0.1 * rows)
        assert times.predict_s(200) == pytest.approx(20.5, rel=0.05)
        assert times.predict_s(4) == pytest.approx(0.9, rel=0.1)

    def test_what_was_not_seen_is_between_its_bounds(self) -> None:
        times = StepTimes()
        assert times.predict_s(100) == 0.0
        for _ in range(10):
            times.record(10, 1.0)
        assert (times.predict_s(20), times.predict_s(20, cautious=False)) == pytest.approx((2.0, 1.0))
        assert (times.predict_s(5), times.predict_s(5, cautious=False)) == pytest.approx((1.0, 0.5))

    def test_it_follows_a_change(self) -> None:
        times = StepTimes()
        for seconds in [1.0] * 300 + [3.0] * 300:
            times.record(10, seconds)
        assert times.predict_s(10) == pytest.approx(3.0, rel=0.01)


class TestLengths:
    def test_plans_are_between_the_fewest_and_the_most_tokens(self) -> None:
        lengths = Lengths()
        job = GenerateJob("a", seed=1, **JOB | {"max_new_tokens": 100, "min_new_tokens": 20})
        assert lengths.plan(job) == 100
        for _ in range(200):
            lengths.record(job, 40)
        assert lengths.plan(job) == pytest.approx(40, abs=1)
        assert lengths.remaining(job, 30) == pytest.approx(10, abs=1)
        assert 0 < lengths.remaining(job, 60) <= 40


class TestForecast:
    def test_texts_that_probably_end_soon_are_no_reason_to_end_others(self) -> None:
        forecast = Forecast(8)
        for _ in range(10):
            forecast.step_times.record(8, 1.0)
        for likely, late in ((50.0, 0), (200.0, 1)):
            forecast.running = [
                Running("flood", 4, 500.0, 200.0, likely_steps=likely, ticket=ANY) for likely in (50.0, likely)
            ]
            assert len(forecast.late(100.0)) == late
        forecast.running = [Running("flood", 4, 500.0, 200.0, likely_steps=500.0)]
        assert not forecast.late(100.0)  # set aside

    def test_a_caller_waits_for_its_own_tasks_only(self) -> None:
        forecast = Forecast(8)
        forecast.step_times.record(8, 1.0)
        forecast.running = [Running("flood", 4, 10.0, 100.0), Running("flood", 4, 30.0, 100.0)]
        job = GenerateJob("", seed=1, **JOB | {"max_new_tokens": 20})
        assert forecast.predict_s(job, "flood", 1e9, {})[0] == pytest.approx(10.0)
        line = Line()
        line.add(job)
        assert forecast.predict_s(job, "flood", 1e9, {"flood": line})[0] == pytest.approx(30.0)
        line.add(job)
        assert forecast.predict_s(job, "flood", 1e9, {"flood": line})[0] == pytest.approx(40.0)
        assert forecast.predict_s(job, "other", 1e9, {"flood": line})[0] == 0.0
