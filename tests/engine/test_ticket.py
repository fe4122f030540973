"""How a caller waits for the events of its job."""

import asyncio

import pytest

from app.engine.jobs import GenerateJob
from app.engine.ticket import HELD_EVENTS, Caller, Finished, Ticket
from app.errors import DeadlineExceeded
from models.sampling import SamplingConfig

pytestmark = pytest.mark.anyio
FAR = 1e6
"""Seconds that no test waits."""


def make_ticket(timeout_s: float = FAR) -> Ticket:
    return Ticket(GenerateJob("a", 5, SamplingConfig(1.0), 0), Caller(), timeout_s, created=0.0)


def far() -> float:
    return asyncio.get_running_loop().time() + FAR


class TestEvents:
    async def test_returns_all_that_have_arrived(self) -> None:
        ticket = make_ticket()
        waiting = asyncio.create_task(ticket.events())
        await asyncio.sleep(0)
        ticket.deliver("a")
        ticket.deliver("b")
        assert await waiting == ["a", "b"]
        assert ticket.taken == 2

    async def test_a_held_wait_ends_at_its_time(self) -> None:
        ticket = make_ticket()
        ticket.deliver("a")
        assert await ticket.events(asyncio.get_running_loop().time() + 0.01) == ["a"]

    async def test_without_events_at_its_time_it_waits_for_the_next(self) -> None:
        ticket = make_ticket()
        waiting = asyncio.create_task(ticket.events(asyncio.get_running_loop().time() - 1))
        for _ in range(3):
            await asyncio.sleep(0)
        assert not waiting.done()
        ticket.deliver("a")
        assert await waiting == ["a"]

    @pytest.mark.parametrize("before", [True, False], ids=["arrived before", "arrives while waiting"])
    async def test_the_last_event_ends_a_held_wait(self, before: bool) -> None:
        ticket, end = make_ticket(), Finished("result")
        if before:
            ticket.deliver(end)
        waiting = asyncio.create_task(ticket.events(far()))
        await asyncio.sleep(0)
        if not before:
            ticket.deliver(end)
        assert await waiting == [end]

    async def test_many_events_end_a_held_wait(self) -> None:
        ticket = make_ticket()
        waiting = asyncio.create_task(ticket.events(far()))
        await asyncio.sleep(0)
        for number in range(HELD_EVENTS):
            assert not waiting.done()
            ticket.deliver(number)
        assert await waiting == list(range(HELD_EVENTS))

    @pytest.mark.parametrize("hold", [True, False])
    async def test_cancelling_the_wait_cancels_the_job(self, hold: bool) -> None:
        ticket = make_ticket()
        waiting = asyncio.create_task(ticket.events(far() if hold else 0.0))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert ticket.cancelled

    async def test_a_stuck_engine_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("app.engine.ticket.STUCK_S", 0.0)
        ticket = make_ticket(timeout_s=0.01)
        with pytest.raises(DeadlineExceeded):
            await ticket.events()
        assert ticket.cancelled
