"""A translation that can't end in time is refused with the cause: at once, or as soon as its own steps tell."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from app.catalog.registry import Registry
from app.engine.jobs import TranslateJob
from app.engine.search_forecast import RECENT_S, SearchForecast
from app.engine.ticket import Caller, Ticket
from app.errors import DeadlineExceeded, QueueFull, TooMuchWork
from tests.engine.conftest import Driver, MakeDriver
from tests.helpers import Wrapped, wrapped

pytestmark = pytest.mark.anyio
SLOTS, BEAM_SIZE, UNLIMITED_S = 16, 2, 1e9
SENTENCES = tuple(f"{who} sees {what}." for who in ("the man", "a dog", "the film") for what in ("a dog", "the man"))
LARGE, SMALL = SENTENCES * 10, SENTENCES[:1]
SPEEDS = {"by rows": (0.01, 0.02), "by steps": (0.3, 0.001)}


class Slow(Wrapped):
    """A runtime whose steps move the clock: by base_s, and by row_s for each row."""

    def __init__(self, runtime: Any, clock: Any, base_s: float, row_s: float) -> None:
        super().__init__(runtime)
        self.base_s, self.row_s, self._clock = base_s, row_s, clock

    def encode(self, source: Any) -> Any:
        self._clock.now += self.base_s
        return self._runtime.encode(source)

    def step(self, ids: Any, state: Any, encoded: Any) -> Any:
        self._clock.now += self.base_s + self.row_s * len(ids)
        return self._runtime.step(ids, state, encoded)


def job(texts: tuple[str, ...], **changes: Any) -> TranslateJob:
    return TranslateJob(texts, "tr", BEAM_SIZE, 1.0, **changes)


@dataclass
class Try:
    """What became of a request, and how long that took."""

    error: BaseException | None
    seconds: float
    at_once: bool = False
    events: list[Any] = field(default_factory=list)


async def attempt(driver: Driver, request: TranslateJob) -> Try:
    begin = driver.clock.now
    try:
        ticket = await driver.submit(request)
    except TooMuchWork as error:
        return Try(error, 0.0, at_once=True)
    await driver.finish()
    return Try(driver.end(ticket).error, driver.clock.now - begin, events=driver.events[ticket][:-1])


@pytest.fixture(params=list(SPEEDS.values()), ids=list(SPEEDS))
def drive(request: Any, make_driver: MakeDriver, registry: Registry) -> Any:
    def make(timeout_s: float) -> Driver:
        driver = make_driver(max_rows=SLOTS, timeout_s=timeout_s)
        slow = wrapped(registry, "translation-en-tr", lambda runtime: Slow(runtime, driver.clock, *request.param))
        driver.engine.registry = slow
        return driver

    return make


@pytest.fixture(scope="module")
def durations() -> dict[Any, float]:
    """Those that are known, by speed."""
    return {}


@pytest.fixture
async def seconds(request: pytest.FixtureRequest, drive: Any, durations: dict[Any, float]) -> float:
    """How long the large request takes alone, if it may take any time."""
    speed = request.node.callspec.params["drive"]
    if speed not in durations:
        alone = await attempt(drive(UNLIMITED_S), job(LARGE))
        assert alone.error is None
        durations[speed] = alone.seconds
    return durations[speed]


@pytest.mark.parametrize(("share", "stream"), [(0.4, False), (0.8, True)])
async def test_what_takes_too_long_is_refused_early_and_then_at_once(
    drive: Any, seconds: float, share: float, stream: bool
) -> None:
    request = job(LARGE, stream=stream)
    driver = drive(share * seconds)
    first, second = await attempt(driver, request), await attempt(driver, request)
    assert isinstance(first.error, TooMuchWork)
    assert isinstance(second.error, TooMuchWork)
    assert not first.at_once
    assert first.seconds < 0.6 * share * seconds
    assert second.at_once
    for refused in (first, second):
        assert f"a request may take {share * seconds:g} s" in refused.error.detail
        assert refused.error.field == "text"
    small = await attempt(driver, job(SMALL))
    assert small.error is None


async def test_what_ends_in_time_is_answered(drive: Any, seconds: float) -> None:
    """Whatever was measured before."""
    driver = drive(1.25 * seconds)
    for texts in (SMALL, SMALL, LARGE, LARGE * 2, SMALL, LARGE):
        done = await attempt(driver, job(texts))
        assert isinstance(done.error, TooMuchWork) == (len(texts) > len(LARGE)), done


async def test_the_suggested_share_is_answered(drive: Any, seconds: float) -> None:
    driver = drive(0.4 * seconds)
    await attempt(driver, job(LARGE))
    refused = await attempt(driver, job(LARGE))
    assert isinstance(refused.error, TooMuchWork)
    percent = int(refused.error.detail.split("at most ")[1].split("%")[0])
    part = await attempt(driver, job(LARGE[: len(LARGE) * percent // 100]))
    assert part.error is None
    assert percent > 20


async def test_a_slow_moment_does_not_keep_large_requests_out_for_good(drive: Any, seconds: float) -> None:
    """After a minute without a translation one is tried."""
    driver = drive(1.25 * seconds)
    runtime: Any = driver.engine.registry.get("translation-en-tr").runtime
    runtime.base_s, runtime.row_s = 4 * runtime.base_s, 4 * runtime.row_s
    assert isinstance((await attempt(driver, job(LARGE))).error, TooMuchWork)
    assert (await attempt(driver, job(LARGE))).at_once
    runtime.base_s, runtime.row_s = runtime.base_s / 4, runtime.row_s / 4
    driver.clock.now += 1.01 * RECENT_S
    assert not (await attempt(driver, job(LARGE))).at_once


async def test_of_several_that_can_not_all_end_the_earlier_ones_do(drive: Any, seconds: float) -> None:
    """The others are refused before their deadline, and can be sent again."""
    driver = drive(1.5 * seconds)
    tickets = [await driver.submit(job(LARGE), Caller(name)) for name in "abc"]
    ended: dict[Ticket, float] = {}
    while len(ended) < len(tickets):
        driver.step()
        await driver.settle()
        for ticket in tickets:
            if ticket not in ended and driver.events[ticket]:
                ended[ticket] = driver.clock.now
    first, *others = (driver.end(ticket).error for ticket in tickets)
    assert first is None
    for ticket, error in zip(tickets[1:], others, strict=True):
        assert not isinstance(error, DeadlineExceeded)
        assert isinstance(error, QueueFull)
        assert error.retry_after_s > 0
        assert ended[ticket] < ticket.deadline


def test_predictions_are_of_a_full_batch() -> None:
    forecast = SearchForecast(100)
    assert forecast.predict_s(1000) == 0.0
    for rows in (10, 100, 50, 100, 100, 20) * 5:
        forecast.encoded(10.0 * rows)
        for _ in range(5):
            forecast.stepped(rows, 0.5 + 0.01 * rows, now=1.0)
    # half as many steps as tokens, of 1.5 s for 100 rows
    assert forecast.predict_s(1000) == pytest.approx(1000 * 0.5 * 1.5 / 100, rel=0.2)
    assert forecast.is_recent(1.0 + RECENT_S / 2)
    assert not forecast.is_recent(1.0 + RECENT_S)
