"""Gauges that read the engine whenever Prometheus scrapes."""

import asyncio

from app.catalog.registry import Served
from app.engine.engine import Engine
from app.telemetry.metrics import Metrics


def register_gauges(metrics: Metrics, engine: Engine) -> None:
    """Those of the engine."""
    metrics.gauge("queued_requests", "Requests without a slot yet.", lambda: engine.queued)
    metrics.gauge("running_requests", "Requests with slots.", lambda: engine.running)
    metrics.gauge("predicted_wait_seconds", "Predicted wait of a new request for a slot.", engine.predicted_wait_s)
    metrics.list_models(lambda: [_labels(served) for served in engine.registry.models.values()])


def register_loop_gauges(metrics: Metrics) -> None:
    """Those of the event loop on which `/metrics` is answered."""
    metrics.gauge("tasks", "Tasks of the event loop.", lambda: len(asyncio.all_tasks()))


def _labels(served: Served) -> dict[str, str]:
    return {
        "model": served.name,
        "kind": served.kind,
        "languages": ",".join(served.languages),
        "version": served.checkpoint.version,
        "precision": served.runtime.precision,
    }
