"""The engine's metrics, by its clock."""

from collections.abc import Callable

from app.engine.lanes.lane import Lane, Work
from app.engine.ticket import Ticket
from app.telemetry.metrics import Metrics


class Meter:
    """Counts and times steps and tickets."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._metrics, self._clock = metrics, clock

    def admitted(self, ticket: Ticket) -> None:
        self._metrics.queue_seconds.observe(self._clock() - ticket.created)

    def ended(self, ticket: Ticket) -> None:
        """A ticket has ended or was cancelled."""
        if ticket.cancelled:
            self._metrics.cancellations.inc()

    def stepped(self, model: str, lane: Lane, work: Work, seconds: float) -> None:
        metrics, now = self._metrics, self._clock()
        metrics.step_seconds.labels(lane.name).observe(seconds)
        metrics.batch_rows.labels(lane.name).observe(work.rows)
        if work.prompt_tokens:
            metrics.prompt_tokens.labels(model).inc(work.prompt_tokens)
        if work.generation_tokens:
            metrics.generation_tokens.labels(model).inc(work.generation_tokens)
        for ticket in work.started:
            ticket.started = now
            metrics.first_token_seconds.labels(model).observe(now - ticket.created)
        for ticket, tokens in work.finished:
            if tokens > 1:
                metrics.token_seconds.labels(model).observe((now - ticket.started) / (tokens - 1))
