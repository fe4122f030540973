"""When the requests of one language model would start and end, at the speed of its recent steps."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from app.engine.jobs import GenerateJob, Job, PredictJob
from app.engine.lengths import Lengths
from app.engine.search_forecast import RECENT_S
from app.engine.step_times import StepTimes
from app.engine.ticket import Ticket

MARGIN = 1.1
"""A generation is admitted, and started, only where it ends in time even if it takes so many times as long."""
PATIENCE = 1.25
"""A running generation is ended for others only where one of them would take so many times as long as it may."""
PROMPT_TOKENS = 64
"""Tokens of prompts that are read in a step while generations run."""


@dataclass(frozen=True)
class Running:
    """A task with slots, or one that is set aside: the steps that it still needs, and its deadline."""

    caller: str
    slots: int
    steps: float
    deadline: float
    likely_steps: float = 0.0
    """As steps, which are more than the mean."""
    ticket: Ticket | None = None
    """Of one with slots."""


@dataclass
class Line:
    """What a caller has queued for a model: cost, slots, the steps of the slots together, and tokens of prompts."""

    cost: float = 0.0
    slots: int = 0
    slot_steps: float = 0.0
    prompt_tokens: float = 0.0

    def add(self, job: Job, sign: int = 1) -> None:
        self.cost += sign * job.cost
        self.slots += sign * job.slots
        if isinstance(job, GenerateJob):
            self.slot_steps += sign * job.slots * job.steps
        if isinstance(job, GenerateJob | PredictJob):
            self.prompt_tokens += sign * job.length


@dataclass
class Forecast:
    """Predictions for one model. The engine's thread writes what it measures; any thread may read.

    A generation takes a step for each token, and the more rows are in the batch, the longer a step takes. step_times
    are by rows; prompt_times, of the steps that read prompts, by tokens. running and prompt_tokens (those that running
    tasks have not read, by caller) are replaced as a whole.
    """

    max_slots: int
    running: Sequence[Running] = ()
    prompt_tokens: Mapping[str, float] = field(default_factory=dict)
    step_times: StepTimes = field(default_factory=StepTimes)
    prompt_times: StepTimes = field(default_factory=StepTimes)
    lengths: Lengths = field(default_factory=Lengths)
    stepped_at: float = -inf
    """When the last step that generates has ended."""

    def predict_s(self, job: Job, caller: str, seconds: float, lines: Mapping[str, Line]) -> tuple[float, float]:
        """How long a job waits for its slots, and how long it then takes, if it may take so many seconds in all.

        lines are what each caller has queued: of this caller, what is before the job. Where no generation runs or is
        queued, both are 0: the speed was measured some time ago, and only a generation can measure it anew.
        """
        if not self._generates and not any(line.slot_steps for line in lines.values()):
            return 0.0, 0.0
        own = lines.get(caller, Line())
        rows = self._rows_within(job, seconds / MARGIN)
        wait_s = self._slot_wait_s(job, caller, self._share(caller, rows, lines), rows, own)
        running = self.prompt_tokens.get(caller, 0.0)
        before = running + own.prompt_tokens
        others = sum(min(line.prompt_tokens, before) for name, line in lines.items() if name != caller)
        length = job.length if isinstance(job, GenerateJob | PredictJob) else 0.0
        prompt_s = (
            (before + others + length) / PROMPT_TOKENS * self.prompt_times.predict_s(PROMPT_TOKENS, cautious=False)
        )
        step_s = self.step_times.predict_s(rows, cautious=False)
        return wait_s, MARGIN * (prompt_s + self._planned_steps(job) * step_s)

    def fits(self, job: Job, now: float, deadline: float) -> bool:
        """Whether a job that starts now ends by its deadline, and what runs already by theirs too.

        What would be late without the job anyway is no reason to keep it waiting. As long as no step has been timed,
        generations start one at a time.
        """
        if not self._generates or not isinstance(job, GenerateJob):
            return True
        if not self.step_times.known:
            return False
        rows = sum(task.slots for task in self.running)
        alone_s, step_s = self.step_times.predict_s(rows), MARGIN * self.step_times.predict_s(rows + job.slots)
        if self._planned_steps(job) * step_s > deadline - now:
            return False
        return not any(task.steps * step_s > task.deadline - now >= task.steps * alone_s for task in self.running)

    def late(self, now: float) -> list[Running]:
        """Of the running generations, those to end now, so that the others end in time: steps have become slower.

        Each caller's earliest ones stay, as many as end by their deadlines in a batch with each other. The predictions
        are hopeful: what is slow for a moment may be fast again.
        """
        if not self.step_times.settled:
            return []
        ranks, ordered = Counter[str](), list[tuple[int, Running]]()
        for task in self.running:
            if task.ticket and task.steps:
                ordered.append((ranks[task.caller], task))
                ranks[task.caller] += 1
        late, staying = list[Running](), list[Running]()
        for _, task in sorted(ordered, key=lambda entry: entry[0]):
            batch = [*staying, task]
            step_s = self.step_times.predict_s(sum(other.slots for other in batch), cautious=False)
            if any(other.likely_steps * step_s > PATIENCE * (other.deadline - now) for other in batch):
                late.append(task)
            else:
                staying.append(task)
        return late

    def is_recent(self, now: float) -> bool:
        return now - self.stepped_at < RECENT_S

    def left_s(self, lines: Mapping[str, Line], job: Job | None = None) -> float:
        """How long all that runs or is queued, and a job, take at least, if texts get as long as they do on average."""
        slots = sum(task.slots for task in self.running) + sum(line.slots for line in lines.values())
        row_steps = sum(task.slots * task.likely_steps for task in self.running)
        row_steps += self.lengths.mean * sum(line.slot_steps for line in lines.values())
        longest = max((task.likely_steps for task in self.running), default=0.0)
        if isinstance(job, GenerateJob):
            steps = self.lengths.likely(job, 0) + job.steps - job.max_new_tokens
            slots, row_steps, longest = slots + job.slots, row_steps + job.slots * steps, max(longest, steps)
        rows = max(1, min(self.max_slots, slots))
        return max(longest, row_steps / rows) * self.step_times.predict_s(rows, cautious=False)

    @property
    def _generates(self) -> bool:
        """Whether a generation runs."""
        return any(task.steps for task in self.running)

    def _planned_steps(self, job: Job) -> float:
        if not isinstance(job, GenerateJob):
            return 0.0
        return self.lengths.plan(job) + job.steps - job.max_new_tokens

    def _rows_within(self, job: Job, seconds: float) -> int:
        """The largest batch in which a job ends within a time, and at least its own rows."""
        steps, least, most = self._planned_steps(job), min(job.slots, self.max_slots), self.max_slots + 1
        while most - least > 1:
            middle = (least + most) // 2
            if steps * self.step_times.predict_s(middle, cautious=False) <= seconds:
                least = middle
            else:
                most = middle
        return least

    def _share(self, caller: str, rows: int, lines: Mapping[str, Line]) -> int:
        """How many of the rows a caller may have: an equal share, and what the others leave of theirs."""
        demands = {name: line.slots for name, line in lines.items()}
        for task in self.running:
            demands[task.caller] = demands.get(task.caller, 0) + task.slots
        demands.pop(caller, None)
        equal = rows // (len(demands) + 1)
        return max(1, equal, rows - sum(min(demand, equal) for demand in demands.values()))

    def _slot_wait_s(self, job: Job, caller: str, share: int, rows: int, own: Line) -> float:
        """How long until the caller's share has room for a job, after what the caller has queued before it.

        Its running tasks free their slots one after another; those that follow take as long as they do on average.
        """
        running = sorted((task.steps, task.slots) for task in self.running if task.caller == caller)
        needed = own.slots + min(job.slots, share) + sum(slots for _, slots in running) - share
        if needed <= 0:
            return 0.0
        step_s = self.step_times.predict_s(rows, cautious=False)
        steps = 0.0
        for steps, slots in running:
            needed -= slots
            if needed <= 0:
                return steps * step_s
        following = self.lengths.share * own.slot_steps / own.slots if own.slots else 0.0
        return (steps + needed / share * following) * step_s
