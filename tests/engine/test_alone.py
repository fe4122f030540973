"""A request that has the engine to itself is answered or refused as too large: never a 504 or a 429."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from app.catalog.registry import Registry
from app.engine.jobs import (
    ClassifyJob,
    DescribeJob,
    DrawJob,
    GenerateJob,
    InspectJob,
    Job,
    PredictJob,
    SpeakJob,
    SummarizeJob,
    TranscribeJob,
    TranslateJob,
)
from app.engine.requests import Requests
from app.engine.ticket import Caller, Ticket
from app.errors import Busy, DeadlineExceeded, TooMuchWork
from app.telemetry.logs import request_id
from models.kinds import KINDS
from models.pictures import HEIGHT
from models.sampling import SamplingConfig
from tests.engine.conftest import Driver, MakeDriver
from tests.tiny_kinds import FURTHER

pytestmark = pytest.mark.anyio
TEXT = "the man sees the dog and the dog sees the man . "
LONG = TEXT * 20
GENERATION: dict[str, Any] = {"max_new_tokens": 60, "min_new_tokens": 60, "sampling": SamplingConfig(1.0), "seed": 1}
JOBS: dict[str, tuple[str, Job]] = {
    "generate": ("language-en", GenerateJob(TEXT, choices=3, **GENERATION)),
    "score a prompt": ("language-en", GenerateJob(LONG, scored=True, score_prompt=True, **GENERATION)),
    "next word": ("language-en", PredictJob(LONG, 5, "word")),
    "inspect": ("language-en", InspectJob(LONG)),
    "classify": ("sentiment-en", ClassifyJob(tuple(TEXT * (40 * n + 60) for n in range(6)))),
    "explain": ("sentiment-en", ClassifyJob(tuple(TEXT * (40 * n + 60) for n in range(6)), explain=True)),
    "translate": ("translation-en-tr", TranslateJob((LONG,) * 9, "tr", 4, 1.0)),
    "summarize": ("titles-en", SummarizeJob((LONG,) * 9, 30, 4, 1.0)),
    "draw": (FURTHER["image"], DrawJob(3, 4, 1, 28, 28)),
    "describe": (FURTHER["captioner"], DescribeJob(bytes(HEIGHT * 400), "en")),
    "transcribe": (FURTHER["recognizer"], TranscribeJob(np.zeros(16_000, np.float32).tobytes(), 2.0)),
    "speak": (FURTHER["speaker"], SpeakJob((1, 2, 3) * 6, 0, 1)),
}
IN_ONE_STEP = {"next word", "inspect", "describe", "transcribe"}
"""Whatever time they take, they are answered."""
STEP_S = 1.0


@dataclass
class Run:
    driver: Driver

    async def until_the_end(self, *tickets: Ticket) -> list[BaseException | None]:
        while any(not self.driver.events[ticket] or not ticket.closed for ticket in tickets):
            self.driver.step()
            self.driver.clock.now += STEP_S
            await self.driver.settle()
        return [self.driver.end(ticket).error for ticket in tickets]

    async def submit(self, name: str, caller: str = "one") -> Ticket:
        model, job = JOBS[name]
        return await self.driver.submit(job, Caller(caller), model)


@pytest.fixture
def run(make_driver: MakeDriver, all_kinds: Registry) -> Any:
    def make(timeout_s: float) -> Run:
        return Run(make_driver(all_kinds, max_rows=8, timeout_s=timeout_s))

    return make


def test_every_task_of_the_service_has_a_job_here() -> None:
    models = {model for model, _ in JOBS.values()}
    known = {"language-en", "sentiment-en", "translation-en-tr", "titles-en", *FURTHER.values()}
    assert {KINDS[kind].task for kind, name in FURTHER.items() if name in known - models} <= {"language", "classifier"}


@pytest.mark.parametrize("name", JOBS)
async def test_alone_it_is_answered_or_too_large(run: Any, name: str) -> None:
    """At any speed, at the first time and when the speed is known, and after it something small is answered."""
    for timeout_s in (2.5, 5.5, 11.5, 23.5):
        engine = run(timeout_s)
        for _ in range(2):
            try:
                ticket = await engine.submit(name)
            except TooMuchWork:
                continue
            (error,) = await engine.until_the_end(ticket)
            assert error is None or isinstance(error, TooMuchWork), (timeout_s, error)
            if isinstance(error, TooMuchWork):
                assert f"a request may take {timeout_s:g} s" in error.detail
                assert error.field
        engine.driver.step()  # what has ended leaves
        assert engine.driver.engine.empty
    if name not in IN_ONE_STEP:
        engine = run(2.5)
        (error,) = await engine.until_the_end(await engine.submit(name))
        assert isinstance(error, TooMuchWork)


@pytest.mark.parametrize("name", sorted(JOBS.keys() - IN_ONE_STEP - {"translate"}))
async def test_beside_another_request_its_time_is_up(run: Any, name: str) -> None:
    """The other one may be why: this one can be sent again."""
    engine = run(2.5)
    tickets = [await engine.submit(name), await engine.submit(name, "another")]
    for error in await engine.until_the_end(*tickets):
        assert isinstance(error, DeadlineExceeded | Busy), error


@pytest.mark.parametrize("several", [False, True], ids=["one request", "two requests"])
async def test_the_prompts_of_one_request_do_not_keep_it_company(run: Any, several: bool) -> None:
    engine, tickets = run(9.5), []
    for number in range(4):
        token = request_id.set(f"request-{number if several else 0}")
        tickets.append(await engine.submit("generate"))
        request_id.reset(token)
    errors = await engine.until_the_end(*tickets)
    assert {isinstance(error, TooMuchWork) for error in errors} == {not several}


async def test_after_a_slow_moment_it_is_tried_again(run: Any) -> None:
    """What was measured long ago keeps no request of several prompts out."""
    engine = run(20.5)
    token = request_id.set("one")
    await engine.until_the_end(await engine.submit("generate"))
    engine.driver.clock.now += 100
    tickets = [await engine.submit("generate") for _ in range(8)]
    request_id.reset(token)
    assert len(tickets) == 8


async def test_who_was_here_at_the_same_time() -> None:
    def ticket(name: str) -> Ticket:
        return Ticket(JOBS["generate"][1], Caller(), 60.0, 0.0, request_id=name)

    requests, tickets = Requests(), [ticket(name) for name in ("a", "a", "b", "", "")]
    first, same, other, anonymous, another = tickets
    requests.begin(first)
    requests.begin(same)
    assert (first.alone, same.alone) == (True, True)
    requests.end(same)
    requests.begin(other)
    assert (first.alone, same.alone, other.alone) == (False, True, False)
    requests.end(first)
    requests.end(other)
    requests.begin(anonymous)
    assert anonymous.alone
    requests.begin(another)
    assert (anonymous.alone, another.alone) == (False, False)
