"""How long the translations of one model take, at the speed of its recent steps."""

from dataclasses import dataclass, field

from app.engine.pace import Pace
from app.engine.step_times import StepTimes

RECENT_S = 60.0
"""Steps that are longer ago say nothing: the machine may have been busy then, and only a translation can tell."""


@dataclass
class SearchForecast:
    """Work is in tokens of sources × beam size. The engine's thread records; any thread may read.

    The beam search of a sentence takes about as many steps as its source has tokens, and with a full batch of max_rows
    a row of a step takes least. Predictions are therefore of a batch that stays full: what they say can't be done in
    time can't be done by any.
    """

    max_rows: int
    step_times: StepTimes = field(default_factory=StepTimes)
    _steps: Pace = field(default_factory=Pace)
    """Steps of a row for each unit of work."""
    _unrecorded: float = 0.0
    """Steps of rows since sentences were last encoded."""
    _stepped_at: float = 0.0

    def stepped(self, rows: int, seconds: float, now: float) -> None:
        """A step of the search, with so many rows, has ended so many seconds after the one before it."""
        self.step_times.record(rows, seconds)
        self._unrecorded += rows
        self._stepped_at = now

    def encoded(self, work: float) -> None:
        """Sentences of so much work have joined the search."""
        self._steps.record(work, self._unrecorded)
        self._unrecorded = 0.0

    def predict_s(self, work: float) -> float:
        """The least time that work takes; 0 as long as too few steps were recorded."""
        if not self.step_times.settled:
            return 0.0
        row_s = self.step_times.predict_s(self.max_rows, cautious=False) / self.max_rows
        return self._steps.predict_s(work) * row_s

    def is_recent(self, now: float) -> bool:
        return now - self._stepped_at < RECENT_S
