"""Laws of the engine, step by step."""

import asyncio
import random
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from app.catalog.loading import Choice, load_models
from app.catalog.registry import Registry, Served
from app.engine.engine import Engine, EngineConfig
from app.engine.jobs import ClassifyJob, GenerateJob, PredictJob, SentenceEvent, TokenEvent, TranslateJob
from app.engine.lanes.decode import MAX_UNREAD
from app.engine.ticket import Caller, Ticket
from app.errors import DeadlineExceeded, EngineStopped, InvalidRequest, QueueFull
from models.errors import TokenizerError
from models.sampling import SamplingConfig
from tests.engine.conftest import Driver, MakeDriver
from tests.helpers import END, Wrapped, generate_job, wrapped

pytestmark = pytest.mark.anyio
MODEL = "language-en"
JOBS = 120
SCHEDULES = [pytest.param(range(100), id="100"), pytest.param(range(100, 1_000), id="1000", marks=pytest.mark.slow)]


def other_job(number: int) -> Any:
    """A job of another kind."""
    texts = ("the man sees", "a very good film: we liked it! The story was bad.", "dog")
    text = texts[number % 3]
    return [
        PredictJob(text, 4, "word"),
        PredictJob(text, 4, "token"),
        PredictJob(text, 4, "word", partial=True),
        PredictJob(text, 4, "word", candidates=("dog", "film", "?")),
        ClassifyJob((text, "bad"), explain=number % 2 == 0),
        TranslateJob((text,), "tr", 1 + number % 3, 1.0, stream=number % 2 == 0),
    ][number % 6]


async def solo(driver: Driver, job: Any, model: str | Served = "") -> Any:
    ticket = await driver.submit(job, model=model)
    await driver.finish()
    return driver.result(ticket)


class TestSchedules:
    @pytest.mark.parametrize("schedules", SCHEDULES)
    async def test_each_output_is_that_of_its_solo_run(self, make_driver: MakeDriver, schedules: range) -> None:
        """Random arrivals, lengths, cancels, seeds, urgencies and callers; steps are run by hand."""
        driver = make_driver()
        alone = [await solo(driver, generate_job(seed)) for seed in range(JOBS)]
        for schedule in schedules:
            draw = random.Random(schedule)
            driver = make_driver(max_rows=draw.choice([1, 3, 8, 64]))
            await run_schedule(driver, draw, alone)

    async def test_with_all_kinds_of_work(self, make_driver: MakeDriver) -> None:
        """Exact for what is exact; translations, which add up floats, and classes, up to rounding."""
        driver = make_driver()
        jobs = [other_job(number) for number in range(36)]
        alone = [await solo(driver, job) for job in jobs]
        streams_alone = [await solo(driver, generate_job(seed)) for seed in range(6)]
        driver = make_driver(max_rows=6)
        streams = [await driver.submit(generate_job(seed)) for seed in range(6)]
        tickets = [await driver.submit(job) for job in jobs]
        await driver.finish()
        for job, ticket, expected in zip(jobs, tickets, alone, strict=True):
            result = driver.result(ticket)
            if isinstance(job, PredictJob):
                assert result == expected
            elif isinstance(job, ClassifyJob):
                assert [one.scores for one in result] == [pytest.approx(one.scores, abs=0.01) for one in expected]
            else:
                assert [one.text for one in result] == [one.text for one in expected]
                pieces = [event for event in driver.events[ticket] if isinstance(event, SentenceEvent)]
                if job.stream:
                    assert "".join(piece.text for piece in pieces) == result[0].text
        assert [driver.result(ticket) for ticket in streams] == streams_alone


async def run_schedule(driver: Driver, draw: random.Random, alone: list[Any]) -> None:
    arriving = sorted((draw.randrange(25), draw.randrange(JOBS)) for _ in range(draw.randint(1, 6)))
    leaving: dict[int, list[Ticket]] = {}
    tickets: dict[Ticket, int] = {}
    for step in range(60):
        for when, seed in arriving:
            if when == step:
                ticket = await driver.submit(generate_job(seed), Caller(draw.choice("abc"), draw.randrange(8)))
                tickets[ticket] = seed
                if draw.random() < 0.3:
                    leaving.setdefault(step + draw.randrange(12), []).append(ticket)
        for ticket in leaving.get(step, []):
            ticket.cancel()
        driver.step()
    await driver.finish()
    left = {ticket for group in leaving.values() for ticket in group}
    for ticket, seed in tickets.items():
        if ticket in left and not driver.events[ticket]:
            continue  # it left before there was anything to tell
        if ticket in left and driver.events[ticket][-1:] and not hasattr(driver.events[ticket][-1], "result"):
            check_stream(driver, ticket, alone[seed], whole=False)
            continue
        assert driver.result(ticket) == alone[seed]
        check_stream(driver, ticket, alone[seed], whole=True)
    check_empty(driver)


def check_stream(driver: Driver, ticket: Ticket, expected: Any, whole: bool) -> None:
    """The streamed events make up the text, or, of a request that left, its beginning."""
    assert isinstance(ticket.job, GenerateJob)
    if not ticket.job.stream:
        return
    for number, choice in enumerate(expected.choices):
        events = [event for event in driver.events[ticket] if isinstance(event, TokenEvent) and event.choice == number]
        text = "".join(event.text for event in events)
        assert choice.text == text if whole else choice.text.startswith(text)
        scores = tuple(event.score for event in events if event.score)
        assert scores == choice.tokens[: len(scores)]


def check_empty(driver: Driver) -> None:
    """Nothing is left behind: no slot, no row, no entry in a queue."""
    assert (driver.engine.running, driver.engine.queued, driver.engine.empty) == (0, 0, True)
    assert abs(driver.engine.predicted_wait_s()) < 1e-6


class TestScoredPrompts:
    """A prompt that is scored, so that its tokens are forced on the rows one by one, changes nothing of what follows.

    Up to rounding, which in int8 is another where a prompt is read at once; so it is tried in float32.
    """

    @pytest.mark.parametrize("choices", [1, 3])
    async def test_the_text_is_the_same(self, make_driver: MakeDriver, checkpoints: Path, choices: int) -> None:
        changes = {"choices": choices, "stream": False, "scored": True, "top_logprobs": 3, "max_new_tokens": 12}
        models = load_models(Choice(checkpoints, ("language-en",), "float32"), torch.device("cpu"))
        for seed in range(12):
            job = generate_job(seed, **changes)
            driver = make_driver(models)
            plain, scored = await solo(driver, job), await solo(driver, replace(job, score_prompt=True))
            assert [choice.text for choice in scored.choices] == [choice.text for choice in plain.choices]
            ids = [score.id for score in scored.prompt_scores]
            assert ids == driver.engine.registry.get("language-en").tokenizer.encode(job.prompt.removesuffix(" "))
            assert (scored.prompt_tokens, scored.generated_tokens) == (plain.prompt_tokens, plain.generated_tokens)
            by_ids = await solo(driver, replace(job, ids=tuple(ids), prompt="", score_prompt=True))
            assert by_ids.prompt_scores == scored.prompt_scores

    async def test_scores_are_those_of_the_next_token(self, make_driver: MakeDriver) -> None:
        driver = make_driver()
        text = "the man sees the dog"
        job = generate_job(0, prompt=text, max_new_tokens=0, choices=1, stop=(), scored=True, score_prompt=True)
        scored = await solo(driver, job)
        assert scored.choices[0].text == ""
        assert scored.generated_tokens == 0
        for index, score in enumerate(scored.prompt_scores):
            before = tuple(one.id for one in scored.prompt_scores[:index])
            after = replace(job, ids=before, prompt="", max_new_tokens=1, score_prompt=False, top_logprobs=500)
            (next_token,) = (await solo(driver, after)).choices[0].tokens
            logprobs = {one.id: one.logprob for one in next_token.top}
            assert logprobs[score.id] == pytest.approx(score.logprob, abs=0.05)

    @pytest.mark.parametrize(("change", "field"), [({"ids": (5, 999)}, "prompt"), ({"ids": (-1,)}, "prompt")])
    async def test_ids_outside_the_vocabulary(
        self, make_driver: MakeDriver, change: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(InvalidRequest, match="outside the vocabulary") as refusal:
            await make_driver().submit(generate_job(1, **change))
        assert refusal.value.field == field

    async def test_bias_outside_the_vocabulary(self, make_driver: MakeDriver) -> None:
        with pytest.raises(InvalidRequest, match="outside the vocabulary"):
            await make_driver().submit(generate_job(1, sampling=SamplingConfig(logit_bias=((5000, 1.0),))))


class Poisoned(Wrapped):
    """A runtime that never generates one token, and, if deadly, fails when it reads it."""

    def __init__(self, runtime: Any, poison: int, deadly: bool = True) -> None:
        super().__init__(runtime)
        self._poison, self._deadly = poison, deadly

    def prefill(self, texts: Any, state: Any) -> Any:
        self._check(torch.cat(texts))
        return self._runtime.prefill(texts, state)

    def step(self, ids: Any, state: Any, *memory: Any) -> Any:
        self._check(ids)
        logits, *rest = self._runtime.step(ids, state, *memory)
        logits[:, self._poison] = -1e4
        return logits, *rest

    def encode(self, source: Any) -> Any:
        self._check(source.ids)
        return self._runtime.encode(source)

    def classify(self, batch: Any, explain: bool) -> Any:
        self._check(batch.ids)
        return self._runtime.classify(batch, explain)

    def _check(self, ids: torch.Tensor) -> None:
        if self._deadly and (ids == self._poison).any():
            raise RuntimeError("a bad token")


class TestIsolation:
    @pytest.mark.parametrize("position", ["first", "last"])
    async def test_a_row_that_raises_fails_alone(
        self, make_driver: MakeDriver, registry: Registry, position: str
    ) -> None:
        """The bad token is read in the prompt, or in the first step after it."""
        tokenizer = registry.get("language-en").tokenizer
        poison = tokenizer.encode("§")[-1]
        poisoned = wrapped(registry, "language-en", lambda runtime: Poisoned(runtime, poison))
        clean = make_driver(wrapped(registry, "language-en", lambda runtime: Poisoned(runtime, poison, deadly=False)))
        alone = [await solo(clean, generate_job(seed)) for seed in range(6)]
        driver = make_driver(poisoned)
        good = [await driver.submit(generate_job(seed)) for seed in range(3)]
        bad = [
            await driver.submit(generate_job(9, prompt="§ dog" if position == "first" else "§", choices=2)),
            await driver.submit(PredictJob("§", 3, "word")),
        ]
        good += [await driver.submit(generate_job(seed)) for seed in range(3, 6)]
        await driver.finish()
        assert [driver.result(ticket) for ticket in good] == alone
        for ticket in bad:
            assert str(driver.end(ticket).error) == "a bad token"
        check_empty(driver)

    async def test_in_the_other_lanes(self, make_driver: MakeDriver, registry: Registry) -> None:
        poison = registry.get("sentiment-en").tokenizer.encode("ŵ")[-1]
        for name in ("sentiment-en", "translation-en-tr"):
            registry = wrapped(registry, name, lambda runtime: Poisoned(runtime, poison))
        driver = make_driver(registry)
        tickets = {
            text: [
                await driver.submit(ClassifyJob((text,))),
                await driver.submit(TranslateJob((text,), "tr", 2, 1.0)),
            ]
            for text in ("dog", "a man", "ŵ", "film")
        }
        await driver.finish()
        for text, of_text in tickets.items():
            assert [driver.end(ticket).error is not None for ticket in of_text] == [text == "ŵ"] * 2
        check_empty(driver)

    async def test_a_beam_that_raises_in_mid_search_fails_alone(
        self, make_driver: MakeDriver, registry: Registry
    ) -> None:
        class Breaks(Poisoned):
            def step(self, ids: Any, state: Any, memory: Any) -> Any:
                if (memory.mask.sum(dim=1) == 3).any() and (ids != 0).any():  # the short source, after its first step
                    raise RuntimeError("a bad row")
                return self._runtime.step(ids, state, memory)

            def encode(self, source: Any) -> Any:
                return self._runtime.encode(source)

        driver = make_driver(wrapped(registry, "translation-en-tr", lambda runtime: Breaks(runtime, -1)))
        texts = ("a good film", "the man sees the dog", "d", "very bad")
        tickets = [await driver.submit(TranslateJob((text,), "tr", 2, 1.0)) for text in texts]
        await driver.finish()
        errors = [str(driver.end(ticket).error) for ticket in tickets]
        assert errors.count("None") == 4 - errors.count("a bad row")
        assert errors[2] == "a bad row"
        assert errors[1] == "None"
        check_empty(driver)

    async def test_a_step_that_fails_outside_any_job_fails_what_runs_and_no_more(self, make_driver: MakeDriver) -> None:
        driver = make_driver()
        ticket = await driver.submit(generate_job(1))
        driver.clock.error = OSError("no clock")
        driver.step()
        driver.clock.error = None
        await driver.settle()
        assert str(driver.end(ticket).error) == "the engine failed"
        assert await solo(driver, generate_job(2)) == await solo(make_driver(), generate_job(2))


class Timed(Wrapped):
    """A runtime by whose calls the clock moves: a step takes 2 ms, the prefill of a token 0.05 ms.

    Its texts never end by themselves.
    """

    def __init__(self, runtime: Any, clock: Any, log: list[tuple[str, float]]) -> None:
        super().__init__(runtime)
        self._clock, self._log = clock, log

    def prefill(self, texts: Any, state: Any) -> Any:
        seconds = 0.00005 * sum(map(len, texts))
        self._clock.now += seconds
        self._log.append(("prefill", seconds))
        return self._runtime.prefill(texts, state)

    def step(self, ids: Any, state: Any) -> Any:
        self._clock.now += 0.002
        self._log.append(("step", 0.002))
        logits, state = self._runtime.step(ids, state)
        logits[:, END] = -1e4
        return logits, state


class TestShares:
    async def test_a_long_prompt_delays_running_streams_by_two_steps_at_most(
        self, make_driver: MakeDriver, registry: Registry
    ) -> None:
        log: list[tuple[str, float]] = []
        driver = make_driver(registry, timeout_s=1e9)
        timed = wrapped(registry, "language-en", lambda runtime: Timed(runtime, driver.clock, log))
        driver.engine.registry = timed
        forever = {
            "max_new_tokens": 100_000,
            "sampling": SamplingConfig(1.0),
            "stop": (),
            "choices": 1,
            "stream": False,
        }
        for seed in range(60):
            await driver.submit(generate_job(seed, **forever))
        driver.step(20)
        long = await driver.submit(generate_job(99, prompt="the man sees the dog and " * 200, max_new_tokens=1))
        log.clear()
        while not driver.events[long]:
            driver.step()
            await driver.settle()
        between, longest = 0.0, 0.0
        for kind, seconds in log:
            between = 0.0 if kind == "step" else between + seconds
            longest = max(longest, between)
        prefills = [seconds for kind, seconds in log if kind == "prefill"]
        assert len(prefills) > 20  # it was a long prompt
        assert longest <= 2 * 0.002 + 1e-9

    async def test_callers_are_served_alike_however_much_one_asks(self, make_driver: MakeDriver) -> None:
        driver = make_driver(max_rows=1)
        jobs = {"max_new_tokens": 4, "choices": 1, "stream": False, "stop": ()}
        greedy = [await driver.submit(generate_job(seed, **jobs), Caller("greedy")) for seed in range(20)]
        modest = [await driver.submit(generate_job(seed, **jobs), Caller("modest")) for seed in range(2)]
        ended: list[Ticket] = []
        while len(ended) < 22:
            driver.step()
            await driver.settle()
            ended += [ticket for ticket in (*greedy, *modest) if driver.events[ticket] and ticket not in ended]
        assert max(ended.index(ticket) for ticket in modest) < 6

    async def test_urgent_work_of_a_caller_comes_before_the_rest_of_it(self, make_driver: MakeDriver) -> None:
        driver = make_driver(max_rows=1)
        jobs = {"max_new_tokens": 2, "choices": 1, "stream": False}
        tickets = [await driver.submit(generate_job(seed, **jobs), Caller("a", 7 - seed)) for seed in range(5)]
        ended: list[Ticket] = []
        while len(ended) < 5:
            driver.step()
            await driver.settle()
            ended += [ticket for ticket in tickets if driver.events[ticket] and ticket not in ended]
        assert ended == tickets[::-1]

    async def test_requests_for_one_model_do_not_wait_for_another(self, make_driver: MakeDriver) -> None:
        driver = make_driver(max_rows=2)
        slow = [await driver.submit(generate_job(seed, max_new_tokens=200, stop=())) for seed in range(9)]
        quick = await driver.submit(ClassifyJob(("dog",)))
        driver.step(4)
        await driver.settle()
        assert len(driver.result(quick)) == 1
        assert not any(driver.events[ticket] for ticket in slow if not ticket.job.stream)

    async def test_batches_by_request_admit_only_when_all_is_done(self, make_driver: MakeDriver) -> None:
        driver = make_driver(batching="request")
        short = await driver.submit(generate_job(1, max_new_tokens=1, choices=1))
        long = await driver.submit(generate_job(2, max_new_tokens=14, stop=(), choices=1))
        driver.step(3)
        late = await driver.submit(generate_job(3, max_new_tokens=1))
        while not driver.events[late]:
            assert driver.engine.running + driver.engine.queued > 0
            driver.step()
            await driver.settle()
        assert [driver.end(ticket).error for ticket in (short, long)] == [None, None]  # both before the late one


class TestSlowReaders:
    async def test_one_is_set_aside_and_comes_back(self, make_driver: MakeDriver, registry: Registry) -> None:
        long = {"max_new_tokens": 300, "stop": (), "sampling": SamplingConfig(1.0), "stream": True, "top_logprobs": 1}
        endless = wrapped(registry, "language-en", lambda runtime: Poisoned(runtime, END, deadly=False))
        alone = await solo(make_driver(endless), generate_job(5, choices=2, **long | {"stream": False}))
        driver = make_driver(endless, max_rows=3)
        slow = await driver.submit(generate_job(5, choices=2, **long))
        quick = await driver.submit(generate_job(6, choices=1, **long))
        for _ in range(200):
            driver.step()
            await driver.settle()
            quick.taken = quick.posted
        assert slow.unread <= MAX_UNREAD + 2  # a step makes two events
        other = await driver.submit(generate_job(7, choices=2, max_new_tokens=3))
        assert driver.engine.queued == 1
        driver.step()
        assert (driver.engine.queued, driver.engine.running) == (0, 3)  # it took the slots of the slow one
        for _ in range(2_000):
            for ticket in (slow, quick, other):
                ticket.taken = ticket.posted
            driver.step()
            await driver.settle()
        assert driver.result(slow) == alone
        assert driver.result(quick).generated_tokens == 300
        check_empty(driver)

    async def test_one_that_never_reads_runs_out_of_time(self, make_driver: MakeDriver) -> None:
        driver = make_driver(timeout_s=30)
        slow = await driver.submit(
            generate_job(5, max_new_tokens=400, stop=(), stream=True, top_logprobs=1, sampling=SamplingConfig(1.0))
        )
        driver.step(200)
        driver.clock.now += 31
        driver.step(2)
        await driver.settle()
        assert isinstance(driver.end(slow).error, DeadlineExceeded)
        check_empty(driver)


class TestAdmission:
    async def test_a_full_queue_refuses_with_a_time_that_proves_about_right(
        self, make_driver: MakeDriver, registry: Registry
    ) -> None:
        driver = make_driver(registry, max_rows=4, max_queued=12, timeout_s=1e9)
        driver.engine.registry = wrapped(registry, "language-en", lambda runtime: Timed(runtime, driver.clock, []))
        jobs = {"choices": 1, "stream": False, "stop": (), "max_new_tokens": 20, "sampling": SamplingConfig(1.0)}
        for seed in range(40):  # let it learn its pace
            await driver.submit(generate_job(seed, **jobs))
            while driver.engine.queued > 8:
                driver.step()
        while driver.engine.queued < 12:
            await driver.submit(generate_job(7, **jobs))
        with pytest.raises(QueueFull, match="12 requests are waiting") as refused:
            await driver.submit(generate_job(8, **jobs))
        before = driver.clock.now
        promised = refused.value.retry_after_s
        while driver.engine.queued:
            driver.step()
        waited = driver.clock.now - before
        assert waited / 2 < promised < waited * 2
        await driver.submit(generate_job(8, **jobs))

    async def test_a_request_that_would_wait_too_long_is_refused_at_once(
        self, make_driver: MakeDriver, registry: Registry
    ) -> None:
        driver = make_driver(registry, max_rows=1, timeout_s=0.2)
        driver.engine.registry = wrapped(registry, "language-en", lambda runtime: Timed(runtime, driver.clock, []))
        jobs = {"choices": 1, "stream": False, "stop": (), "max_new_tokens": 20, "sampling": SamplingConfig(1.0)}
        await solo(driver, generate_job(1, **jobs))

        async def submit_many() -> None:
            for seed in range(60):
                await driver.submit(generate_job(seed, **jobs))

        with pytest.raises(QueueFull, match=r"it would wait about \d+ s, and may take 0.2 s") as refused:
            await submit_many()
        assert refused.value.retry_after_s > 0

    async def test_out_of_time_while_waiting_and_while_running(self, make_driver: MakeDriver) -> None:
        driver = make_driver(max_rows=1, timeout_s=10)
        running = await driver.submit(generate_job(1, max_new_tokens=400, choices=1, stop=()))
        waiting = await driver.submit(generate_job(2))
        driver.step(3)
        driver.clock.now += 11
        driver.step(2)
        await driver.settle()
        for ticket in (running, waiting):
            assert isinstance(driver.end(ticket).error, DeadlineExceeded)
        check_empty(driver)

    async def test_more_choices_than_slots_run_when_nothing_else_does(self, make_driver: MakeDriver) -> None:
        driver = make_driver(max_rows=2)
        assert len((await solo(driver, generate_job(1, choices=5))).choices) == 5

    async def test_what_cannot_be_done_is_not_queued(self, make_driver: MakeDriver) -> None:
        driver = make_driver()
        for job, error in (
            (generate_job(1, prompt="\ud800"), TokenizerError),
            (TranslateJob(("dog " * 600,), "tr", 1, 1.0, attention=True), InvalidRequest),
        ):
            with pytest.raises(error):
                await driver.submit(job)
        assert driver.engine.queued == 0
        check_empty(driver)


class TestSwap:
    async def test_under_load_nothing_fails_and_old_requests_end_on_the_old_model(
        self, make_driver: MakeDriver, registry: Registry
    ) -> None:
        fixed = {"choices": 1, "stream": False, "stop": (), "sampling": SamplingConfig(0.0), "max_new_tokens": 14}
        old = [await solo(make_driver(), generate_job(seed, **fixed)) for seed in range(12)]
        turkish = registry.get("language-tr")
        swapped = Registry(registry.models.values(), registry.device)
        swapped.swap(renamed(registry.get(MODEL), MODEL))  # a copy, which nothing but the service holds
        english = weakref.ref(swapped.get(MODEL))
        driver = make_driver(swapped, max_rows=3)
        before = [await driver.submit(generate_job(seed, **fixed)) for seed in range(12)]
        driver.step(6)
        swapped.swap(renamed(turkish, MODEL))
        after = [await driver.submit(generate_job(seed, **fixed)) for seed in range(12)]
        await driver.finish()
        new = [await solo(make_driver(), generate_job(seed, **fixed), "language-tr") for seed in range(12)]
        assert [driver.result(ticket) for ticket in before] == old
        assert [driver.result(ticket) for ticket in after] == new
        assert new != old
        driver.step()
        assert english() is None  # the old model's memory is free, without a collection

    async def test_a_request_keeps_the_version_that_it_was_resolved_to(
        self, make_driver: MakeDriver, registry: Registry
    ) -> None:
        job = generate_job(1, sampling=SamplingConfig(0.0))
        swapped = Registry(registry.models.values(), registry.device)
        driver = make_driver(swapped)
        resolved = swapped.get(MODEL)
        swapped.swap(renamed(registry.get("language-tr"), MODEL))
        assert await solo(driver, job, resolved) == await solo(make_driver(), job)
        assert await solo(driver, job) == await solo(make_driver(), job, "language-tr")


def renamed(served: Served, name: str) -> Served:
    return Served(replace(served.checkpoint, name=name), served.runtime, served.vocabulary)


class TestThread:
    """With the thread running, on a real event loop."""

    async def test_answers_streams_and_stops(self, registry: Registry) -> None:
        engine = Engine(registry, EngineConfig())
        engine.start()
        assert engine.takes_work
        jobs = [generate_job(seed) for seed in range(30)]
        tickets = [await engine.submit(job, registry.get(MODEL)) for job in jobs]
        results = await asyncio.gather(*(ticket.result() for ticket in tickets))
        assert [len(result.choices) for result in results] == [job.choices for job in jobs]
        assert engine.is_moving(patience_s=60)
        await asyncio.to_thread(engine.stop, 5)
        with pytest.raises(EngineStopped):
            await engine.submit(generate_job(1), registry.get(MODEL))
        assert not engine.takes_work

    async def test_stopping_ends_what_runs_and_waits(self, registry: Registry) -> None:
        engine = Engine(registry, EngineConfig(max_rows=1))
        engine.start()
        jobs = [generate_job(seed) for seed in range(5)]
        tickets = [await engine.submit(job, registry.get(MODEL)) for job in jobs]
        await asyncio.to_thread(engine.stop, 20)
        assert [len((await ticket.result()).choices) for ticket in tickets] == [job.choices for job in jobs]

    async def test_out_of_time_what_is_left_fails(self, registry: Registry) -> None:
        engine = Engine(registry, EngineConfig())
        engine.start()
        job = generate_job(1, max_new_tokens=1_000_000, stop=(), choices=1)
        ticket = await engine.submit(job, registry.get(MODEL))
        await asyncio.to_thread(engine.stop, 0)
        with pytest.raises(EngineStopped):
            await ticket.result()

    async def test_a_cancelled_caller_leaves(self, registry: Registry) -> None:
        engine = Engine(registry, EngineConfig())
        engine.start()
        job = generate_job(1, max_new_tokens=1_000_000, stop=(), choices=1)
        ticket = await engine.submit(job, registry.get(MODEL))
        waiting = asyncio.create_task(ticket.result())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        while engine.running:
            await asyncio.sleep(0.001)
        assert ticket.closed
        await asyncio.to_thread(engine.stop, 5)
