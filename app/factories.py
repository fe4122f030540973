"""The parts of the service, made from its settings."""

import os
from dataclasses import replace

from app.access.counters import Counters, LocalCounters
from app.access.keys import KeyRing
from app.access.limits import Guard
from app.access.sealing import Sealer
from app.catalog.loading import Choice, load_models
from app.catalog.registry import Registry
from app.engine.bounds import Bounds
from app.engine.engine import Engine, EngineConfig
from app.settings import Settings
from app.telemetry.metrics import Metrics
from models.device import choose_device
from models.runtime.build import choose_precision


def make_guard(settings: Settings, counters: Counters) -> Guard:
    """Raises KeyFileError where the file of keys is damaged."""
    return Guard(make_keys(settings), counters=counters)


def make_keys(settings: Settings) -> KeyRing:
    """Raises KeyFileError where the file of keys is damaged."""
    return KeyRing([key.get_secret_value() for key in settings.api_keys], settings.api_keys_file)


def make_counters(settings: Settings) -> LocalCounters:
    return LocalCounters(settings.rate_limit, settings.max_requests_at_once)


def make_sealer(settings: Settings) -> Sealer:
    return Sealer([key.get_secret_value() for key in settings.state_key], settings.state_lifetime_s)


def load_registry(settings: Settings, task: str | None = None) -> Registry:
    """The models that settings name, or those of them that answer a task. Raises what `load_models` does."""
    return load_models(choice_of(settings), choose_device(settings.device), task)


def choice_of(settings: Settings) -> Choice:
    """Which checkpoints settings choose."""
    return Choice(
        folder=settings.checkpoints,
        names=settings.models,
        precision=settings.precision,
        threads=settings.threads,
        defaults=dict(settings.defaults),
        skip_bad=settings.bad_checkpoints == "skip",
    )


def make_engine(registry: Registry, settings: Settings, metrics: Metrics | None = None) -> Engine:
    """An engine that is not started yet."""
    # Runtimes in int8 bring threads of their own. What is in float32 beside them is small, and PyTorch's threads, which
    # spin while they wait for each other, only contend with the event loop.
    int8 = choose_precision(settings.precision, registry.device) == "int8"
    threads = 1 if int8 else settings.threads or os.cpu_count() or 1
    return Engine(registry, replace(engine_config(settings), torch_threads=threads), metrics=metrics)


def engine_config(settings: Settings) -> EngineConfig:
    """What settings say of an engine."""
    return EngineConfig(
        max_queued=settings.max_queued_jobs,
        max_rows=settings.max_batch_rows,
        timeout_s=settings.request_timeout_s,
        batching=settings.batching,
        bounds=Bounds(settings.max_request_tokens, settings.max_reply_scores, settings.max_search_characters),
    )
