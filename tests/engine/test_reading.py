"""Long texts are tokenized in turn for each caller: no caller's many requests delay another's."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from app.engine import engine as engine_module
from app.engine.engine import LONG_TEXT
from app.engine.jobs import ClassifyJob, GenerateJob, Job, PredictJob, TranslateJob
from app.engine.lanes.wiring import prepare
from app.engine.reading import Readers
from app.engine.ticket import Caller, Ticket
from models.sampling import SamplingConfig
from tests.engine.conftest import Driver, MakeDriver

pytestmark = pytest.mark.anyio
FLOOD, OTHER = Caller("flood"), Caller("other")
LONG = "the man sees the dog. " * (LONG_TEXT // 20)
JOBS: dict[str, Job] = {
    "generate": GenerateJob(LONG, 1, SamplingConfig(), seed=1),
    "next": PredictJob(LONG, 3, "token"),
    "classify": ClassifyJob((LONG,)),
    "translate": TranslateJob((LONG,), "tr", 1, 1.0),
}


async def turns(count: int = 20) -> None:
    """Let tasks come as far as they can without a thread."""
    for _ in range(count):
        await asyncio.sleep(0)


@contextmanager
def one_thread() -> Iterator[None]:
    """The event loop's threads are a single one."""
    with ThreadPoolExecutor(1) as executor:
        loop: Any = asyncio.get_running_loop()
        before, loop._default_executor = loop._default_executor, executor
        try:
            yield
        finally:
            loop._default_executor = before


class Calls:
    """Makes calls that record their names in order; one named `held` waits until it is let go."""

    def __init__(self) -> None:
        self.readers, self.order, self.go = Readers(), list[str](), threading.Event()

    def start(self, caller: str, name: str) -> asyncio.Task[str]:
        return asyncio.create_task(self.readers.call(caller, partial(self._call, name)))

    def _call(self, name: str) -> str:
        if name == "held":
            self.go.wait()
        self.order.append(name)
        return name


async def test_callers_take_turns_in_one_thread() -> None:
    with one_thread():
        calls = Calls()
        tasks = [calls.start("flood", name) for name in ("held", "flood 1", "flood 2", "flood 3")]
        await turns()
        tasks += [calls.start("one", "one 1"), calls.start("two", "two 1"), calls.start("one", "one 2")]
        await turns()
        calls.go.set()
        await asyncio.gather(*tasks)
    assert calls.order[:3] == ["held", "one 1", "two 1"]
    assert calls.order.index("one 2") < calls.order.index("flood 2")
    assert calls.readers.callers == 0


async def test_a_caller_has_one_thread_at_a_time() -> None:
    calls = Calls()
    held, waiting = calls.start("flood", "held"), calls.start("flood", "flood 1")
    assert await calls.start("other", "other 1") == "other 1"
    assert not waiting.done()
    calls.go.set()
    assert (await held, await waiting) == ("held", "flood 1")


async def test_who_hangs_up_keeps_the_turn_until_the_thread_is_free() -> None:
    calls = Calls()
    held, dropped, waiting = (calls.start("flood", name) for name in ("held", "dropped", "flood 1"))
    await turns()
    held.cancel()
    dropped.cancel()
    await turns()
    assert held.cancelled()
    assert dropped.cancelled()
    assert not waiting.done()
    calls.go.set()
    assert await waiting == "flood 1"
    assert calls.order == ["held", "flood 1"]
    assert calls.readers.callers == 0


async def test_an_error_is_the_callers_and_ends_its_turn() -> None:
    calls = Calls()

    def fail() -> None:
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):  # noqa: PT011 (it has no text)
            await calls.readers.call("one", fail)
    assert await calls.start("one", "one 1") == "one 1"


@pytest.mark.parametrize("flooding", JOBS.values(), ids=JOBS)
@pytest.mark.parametrize("other", JOBS.values(), ids=JOBS)
async def test_long_requests_of_one_caller_do_not_delay_those_of_others(
    make_driver: MakeDriver, monkeypatch: pytest.MonkeyPatch, flooding: Job, other: Job
) -> None:
    """As many as there are threads and more: another caller's is queued while the first of them is tokenized."""
    go = threading.Event()

    def prepare_slowly(ticket: Ticket, *arguments: Any) -> Any:
        if ticket.caller == FLOOD:
            go.wait()
        return prepare(ticket, *arguments)

    monkeypatch.setattr(engine_module, "prepare", prepare_slowly)
    driver: Driver = make_driver()
    submit: Callable[..., Any] = driver.submit
    flood = [asyncio.create_task(submit(flooding, FLOOD)) for _ in range(50)]
    await turns()
    try:
        ticket = await submit(other, OTHER)
    finally:
        go.set()
    assert not any(task.done() for task in flood)
    ticket.cancel()
    for task in flood:
        (await task).cancel()
    await driver.finish()
