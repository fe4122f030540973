"""What several tests make."""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI

from app.catalog.registry import Registry, Served
from app.engine.jobs import GenerateJob
from app.http import server
from app.settings import Settings
from models.runtime.interface import SampleByStep
from models.sampling import SamplingConfig

END = 0
"""The id that ends a text of the tiny tokenizer."""


@contextmanager
def serving(app: FastAPI, settings: Settings) -> Iterator[str]:
    """A server in a thread of this process, for as long as the context lasts; its address, with no slash at its end."""
    ready, urls = threading.Event(), []

    def on_ready(url: str) -> None:
        urls.append(url.rstrip("/"))
        ready.set()

    live = server.make(app, settings, on_ready)
    thread = threading.Thread(target=lambda: asyncio.run(live.serve()))
    thread.start()
    try:
        assert ready.wait(60)
        yield urls[0]
    finally:
        live.should_exit = True
        thread.join(60)
    assert not thread.is_alive()


class Wrapped(SampleByStep):
    """A runtime around another, that samples by its own step."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)


class TokenSlow(Wrapped):
    """Steps take their time, and texts do not end."""

    seconds = 0.005

    def step(self, ids: Any, state: Any) -> Any:
        time.sleep(self.seconds)
        logits, state = self._runtime.step(ids, state)
        logits[:, END] = -1e4
        return logits, state


def wrapped(registry: Registry, name: str, wrap: Callable[[Any], Any]) -> Registry:
    """The registry with the runtime of one model wrapped."""
    served = registry.get(name)
    other = Served(served.checkpoint, wrap(served.runtime), served.vocabulary)
    return Registry([other if entry is served else entry for entry in registry.models.values()], registry.device)


def generate_job(seed: int, **changes: Any) -> GenerateJob:
    """A job of many kinds, the same for the same seed."""
    draw = random.Random(seed)
    fields: dict[str, Any] = {
        "prompt": draw.choice(["the man", "a good film ", "Where is the station? It is near", "dog", "x" * 40]),
        "max_new_tokens": draw.randint(1, 14),
        "sampling": SamplingConfig(
            temperature=draw.choice([0.0, 0.7, 1.0, 3.0]),
            top_k=draw.choice([None, None, 1, 5, 100]),
            top_p=draw.choice([None, None, 0.3, 0.95]),
            repetition_penalty=draw.choice([1.0, 1.0, 1.5]),
        ),
        "seed": seed,
        "stop": draw.choice([(), (), ("e",), ("zzz",)]),
        "choices": draw.choice([1, 1, 1, 3]),
        "top_logprobs": draw.choice([0, 0, 2]),
        "stream": draw.random() < 0.5,
    } | changes
    return GenerateJob(**{"scored": fields["top_logprobs"] > 0} | fields)


QUALITY: dict[str, Any] = {
    "estimate": {
        "bias": {"en-tr": -2.0, "tr-en": -1.9},
        "features": {
            "probability": {"weight": 3.0, "low": 0.01, "high": 0.9},
            "probability_4": {"weight": 1.0, "low": 0.0, "high": 0.7},
            "length": {"weight": 0.1, "low": 1.0, "high": 4.5},
            "ratio": {"weight": 0.1, "low": -1.0, "high": 1.0},
            "piece": {"weight": 0.1, "low": 1.0, "high": 5.0},
            "distinct": {"weight": 0.5, "low": 0.2, "high": 1.0},
            "finished": {"weight": 0.4, "low": 0.0, "high": 1.0},
        },
    }
}
"""The content of a quality.json for the tiny translator."""
