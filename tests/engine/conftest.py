"""An engine whose steps a test runs one by one, with a clock that the test moves."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from app.catalog.registry import Registry, Served
from app.engine.engine import Engine, EngineConfig
from app.engine.jobs import ClassifyJob, GenerateJob, Job, PredictJob, TranslateJob
from app.engine.ticket import Caller, Finished, Ticket

MODELS: dict[type, str] = {
    GenerateJob: "language-en",
    PredictJob: "language-en",
    ClassifyJob: "sentiment-en",
    TranslateJob: "translation-en-tr",
}


@dataclass
class Clock:
    now: float = 100.0
    error: Exception | None = None

    def __call__(self) -> float:
        if self.error:
            raise self.error
        return self.now


@dataclass
class Driver:
    """Runs an engine without its thread, and records the events of each ticket."""

    engine: Engine
    clock: Clock
    events: dict[Ticket, list[Any]] = field(default_factory=dict)

    async def submit(self, job: Job, caller: Caller | None = None, model: str | Served = "") -> Ticket:
        """Submit a job to a model, or to the English one that can do it."""
        served = model if isinstance(model, Served) else self.engine.registry.get(model or MODELS[type(job)])
        ticket = await self.engine.submit(job, served, caller)
        self.events[ticket] = []
        ticket.deliver = self.events[ticket].append  # type: ignore[method-assign, assignment] # nobody awaits them
        return ticket

    def step(self, count: int = 1) -> None:
        with torch.inference_mode():
            for _ in range(count):
                self.engine.step()

    async def settle(self) -> None:
        """Let the event loop run what the engine has sent."""
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def finish(self, max_steps: int = 5_000) -> None:
        """Run steps until no job is left."""
        for _ in range(max_steps):
            if not (self.engine.running or self.engine.queued):
                await self.settle()
                return
            self.step()
            await self.settle()
        raise AssertionError(f"still {self.engine.running} running and {self.engine.queued} queued")

    def end(self, ticket: Ticket) -> Finished:
        """The last event of a ticket: a Finished, and the only one."""
        events = self.events[ticket]
        assert [isinstance(event, Finished) for event in events].count(True) == 1, events
        assert isinstance(events[-1], Finished)
        return events[-1]

    def result(self, ticket: Ticket) -> Any:
        end = self.end(ticket)
        assert end.error is None, end.error
        return end.result


MakeDriver = Callable[..., Driver]


@pytest.fixture
def make_driver(registry: Registry) -> MakeDriver:
    """Makes drivers of engines with the tiny models, in int8, whose results are exact."""

    def make(models: Registry | None = None, **config: Any) -> Driver:
        clock = Clock()
        return Driver(Engine(models or registry, EngineConfig(**config), clock), clock)

    return make
