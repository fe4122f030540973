"""Callers have equal shares of slots, of texts and of prompts, and wait for their own requests only."""

from typing import Any

import pytest

from app.catalog.registry import Registry
from app.engine.admission import Admission
from app.engine.engine import Engine, EngineConfig
from app.engine.jobs import ClassifyJob, GenerateJob, PredictJob
from app.engine.lanes import prefill
from app.engine.ticket import Caller, Ticket
from app.errors import QueueFull
from models.sampling import SamplingConfig
from tests.engine.conftest import Clock, Driver, MakeDriver

pytestmark = pytest.mark.anyio
FLOOD, OTHER = Caller("flood"), Caller("other")
LONG: dict[str, Any] = {"max_new_tokens": 60, "sampling": SamplingConfig(1.0), "min_new_tokens": 60}


class Ticking(Clock):
    """Each step of a lane takes a millisecond."""

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture
def make_driver(registry: Registry) -> MakeDriver:
    def make(**config: Any) -> Driver:
        clock = Ticking()
        return Driver(Engine(registry, EngineConfig(**config), clock), clock)

    return make


async def results(driver: Driver, jobs: list[GenerateJob]) -> list[Any]:
    """Those of jobs that run one after the other."""
    alone = []
    for job in jobs:
        ticket = await driver.submit(job)
        await driver.finish()
        alone.append(driver.result(ticket))
    return alone


async def test_a_flood_of_texts_does_not_hold_up_another_caller(make_driver: MakeDriver) -> None:
    driver = make_driver()
    flood = [await driver.submit(ClassifyJob(("the dog sees the man " * 60,) * 16), FLOOD) for _ in range(6)]
    driver.step(2)
    other = await driver.submit(ClassifyJob(("a good film",)), OTHER)
    driver.step(2)
    await driver.settle()
    assert driver.result(other)
    assert not any(driver.events[ticket] for ticket in flood[1:])
    await driver.finish()


@pytest.mark.parametrize("job", [PredictJob("the man", 3, "word"), GenerateJob("the man", 5, SamplingConfig(1.0), 1)])
async def test_rows_are_set_aside_for_another_caller(make_driver: MakeDriver, job: Any) -> None:
    """It starts at the next step although all slots are taken, and what is set aside ends as it would have alone."""
    driver = make_driver(max_rows=8)
    jobs = [GenerateJob("a good film", seed=seed, choices=4, **LONG) for seed in range(5)]
    alone = await results(driver, jobs)
    flood = [await driver.submit(job, FLOOD) for job in jobs]
    driver.step(10)
    assert driver.engine.queued == 3
    other = await driver.submit(job, OTHER)
    driver.step()
    assert driver.engine.queued == 3
    for _ in range(40):
        driver.step()
        await driver.settle()
        if driver.events[other]:
            break
    assert driver.result(other)
    assert not any(driver.events[ticket] for ticket in flood)
    await driver.finish()
    assert [driver.result(ticket) for ticket in flood] == alone
    assert driver.engine.empty


async def test_two_floods_share_the_slots(make_driver: MakeDriver) -> None:
    driver = make_driver(max_rows=8)
    first = [await driver.submit(GenerateJob("a", seed=seed, choices=2, **LONG), FLOOD) for seed in range(8)]
    driver.step(4)
    second = [await driver.submit(GenerateJob("a", seed=seed, choices=2, **LONG), OTHER) for seed in range(8)]
    driver.step(2)
    (lanes,) = driver.engine._lanes.values()
    assert lanes.held() == {"flood": 4, "other": 4}
    await driver.finish()
    assert all(driver.result(ticket) for ticket in first + second)
    assert driver.engine.empty


async def test_a_caller_alone_has_all_slots(make_driver: MakeDriver) -> None:
    driver = make_driver(max_rows=8)
    for seed in range(8):
        await driver.submit(GenerateJob("a", seed=seed, choices=2, **LONG), FLOOD)
    driver.step(4)
    (lanes,) = driver.engine._lanes.values()
    assert not lanes.has_aside
    assert lanes.free_slots == 0
    await driver.finish()


async def test_what_is_set_aside_ends_with_its_ticket(make_driver: MakeDriver) -> None:
    driver = make_driver(max_rows=4)
    flood = [await driver.submit(GenerateJob("a", seed=seed, choices=2, **LONG), FLOOD) for seed in range(2)]
    driver.step(4)
    await driver.submit(GenerateJob("a", seed=1, choices=2, **LONG), OTHER)
    driver.step()
    for ticket in flood:
        ticket.cancel()
    await driver.finish()
    driver.step()
    assert driver.engine.empty


async def test_of_many_long_prompts_some_are_read_before_others(
    make_driver: MakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefill, "LONG_PROMPT", 64)
    driver = make_driver()
    jobs = [PredictJob(f"{'the man sees a dog ' * 60}{number}", 3, "token") for number in range(12)]
    tickets = [await driver.submit(job) for job in jobs]
    ends: list[int] = []
    for step in range(5_000):
        driver.step()
        await driver.settle()
        ends += [step] * (sum(bool(driver.events[ticket]) for ticket in tickets) - len(ends))
        if len(ends) == len(tickets):
            break
    assert ends[0] < ends[-1] / 2
    assert len(set(ends)) > 1


async def test_a_flood_of_prompts_does_not_hold_up_another_caller(make_driver: MakeDriver) -> None:
    driver = make_driver()
    running = await driver.submit(GenerateJob("a", seed=1, **{**LONG, "max_new_tokens": 5_000}), FLOOD)
    driver.step(3)
    for number in range(40):
        await driver.submit(PredictJob(f"{'the man sees a dog ' * 60}{number}", 3, "token"), FLOOD)
    driver.step(20)
    other = await driver.submit(PredictJob("the man sees the old bridge near the station", 3, "token"), OTHER)
    driver.step(12)
    await driver.settle()
    assert driver.result(other)
    running.cancel()
    await driver.finish()


class TestAdmission:
    def test_waits_are_those_of_the_model_and_the_caller(self) -> None:
        admission = Admission(max_queued=1_000)
        for model in ("slow", "quick"):
            for _ in range(5):  # fewer say too little
                admission.record(model, 1_000, 1_000 if model == "slow" else 1)
        admission.enter(_ticket(FLOOD, 5_000), "slow")
        with pytest.raises(QueueFull, match="about 5000 s") as refused:
            admission.enter(_ticket(FLOOD, 1), "slow")
        assert refused.value.retry_after_s == pytest.approx(4_970)
        admission.enter(_ticket(FLOOD, 1), "quick")
        admission.enter(_ticket(OTHER, 50), "slow")
        with pytest.raises(QueueFull, match="about 100 s"):  # its own 50, and as much of the other caller
            admission.enter(_ticket(OTHER, 1, timeout_s=99), "slow")
        assert admission.queued == 3

    def test_a_queue_that_others_filled_has_seats_for_a_fair_share(self) -> None:
        admission = Admission(max_queued=4)
        tickets = [_ticket(FLOOD, 1) for _ in range(4)]
        for ticket in tickets:
            admission.enter(ticket, "model")
        for _ in range(2):
            tickets.append(_ticket(OTHER, 1))
            admission.enter(tickets[-1], "model")
        for caller in (FLOOD, OTHER):
            with pytest.raises(QueueFull, match="6 requests are waiting"):
                admission.enter(_ticket(caller, 1), "model")
        for ticket in tickets:
            admission.leave(ticket, "model")
        assert (admission.queued, admission.predicted_wait_s()) == (0, 0)


class _Costly:
    """A job of which only the cost is known."""

    slots = 1

    def __init__(self, cost: float) -> None:
        self.cost = cost


def _ticket(caller: Caller, cost: float, timeout_s: float = 60.0) -> Ticket:
    return Ticket(_Costly(cost), caller, timeout_s, 0.0, loop=None)  # type: ignore[arg-type]
