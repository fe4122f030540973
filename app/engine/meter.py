"""What the engine tells of its work, by its clock."""

from collections.abc import Callable

from app.engine.scheduler import Lane, Work
from app.engine.ticket import Ticket
from app.telemetry.metrics import Metrics


class Meter:
    """Counts and times steps and tickets."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._metrics, self._clock = metrics, clock

    def admitted(self, ticket: Ticket) -> None:
        self._metrics.queue_seconds.observe(self._clock() - ticket.made)

    def over(self, ticket: Ticket) -> None:
        """A ticket has ended, or its caller has left."""
        if ticket.left:
            self._metrics.cancellations.inc()

    def stepped(self, model: str, lane: Lane, work: Work, seconds: float) -> None:
        """A lane of a model has run a step."""
        metrics, now = self._metrics, self._clock()
        metrics.step_seconds.labels(lane.name).observe(seconds)
        metrics.batch_rows.labels(lane.name).observe(work.rows)
        if work.read:
            metrics.read_tokens.labels(model).inc(work.read)
        if work.written:
            metrics.written_tokens.labels(model).inc(work.written)
        for ticket in work.begun:
            ticket.begun = now
            metrics.first_token_seconds.labels(model).observe(now - ticket.made)
        for ticket, tokens in work.ended:
            if tokens > 1:
                metrics.token_seconds.labels(model).observe((now - ticket.begun) / (tokens - 1))
