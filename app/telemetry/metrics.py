"""Metrics for Prometheus. No label grows with users or with what they send."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import InfoMetricFamily
from prometheus_client.registry import Collector

from app.telemetry.garbage import Pauses
from app.telemetry.merging import Family, families

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MILLISECONDS = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512)
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """The metrics of one service. They may be updated from any thread."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()

        def counter(name: str, description: str, *labels: str) -> Counter:
            return Counter(f"carousel_{name}", description, labels, registry=self._registry)

        def histogram(name: str, description: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"carousel_{name}", description, labels, buckets=buckets, registry=self._registry)

        self.requests = counter("requests", "Answered requests.", "route", "status")
        self.request_seconds = histogram("request_seconds", "From a request to the end of its reply.", SECONDS, "route")
        self.refusals = counter("refusals", "Refused requests, by reason.", "reason")
        self.cancellations = counter("cancellations", "Jobs whose client left before they finished.")
        self.prompt_tokens = counter("prompt_tokens", "Prompt and input tokens processed.", "model")
        self.generation_tokens = counter("generation_tokens", "Tokens generated, one in each row of a step.", "model")
        self.first_token_seconds = histogram(
            "time_to_first_token_seconds", "From a job's submission to its first token.", SECONDS, "model"
        )
        self.token_seconds = histogram(
            "time_between_tokens_seconds", "Between the tokens of a text, their mean.", MILLISECONDS, "model"
        )
        self.step_seconds = histogram("step_seconds", "A step of a lane.", MILLISECONDS, "lane")
        self.batch_rows = histogram("batch_rows", "Rows in the batch of a step.", ROWS, "lane")
        self.training_steps = counter("training_steps", "Steps that /train trained.")
        self.queue_seconds = histogram("queue_seconds", "From a job's submission to its slot.", SECONDS)

        self.pauses = Pauses()
        self._registry.register(self.pauses)
        ProcessCollector(registry=self._registry)

    def gauge(self, name: str, description: str, value: Callable[[], float]) -> None:
        """A gauge whose value is computed for each scrape."""
        Gauge(f"carousel_{name}", description, registry=self._registry).set_function(value)

    def list_models(self, models: Callable[[], Iterable[Mapping[str, str]]]) -> None:
        """An info metric of each served model, computed for each scrape."""
        self._registry.register(_Models(models))

    def families(self) -> list[Family]:
        """All metrics as plain values."""
        return families(self._registry)

    def page(self) -> bytes:
        """All metrics in Prometheus's text format."""
        return generate_latest(self._registry)


class _Models(Collector):
    def __init__(self, models: Callable[[], Iterable[Mapping[str, str]]]) -> None:
        self._models = models

    def collect(self) -> Iterator[InfoMetricFamily]:
        family = InfoMetricFamily("carousel_model", "The served models.")
        for labels in self._models():
            family.add_metric([], dict(labels))
        yield family
