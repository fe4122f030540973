"""What the running tasks have done and have still to do, measured for the admission."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from app.engine.admission import Admission
from app.engine.forecast import Forecast, Running
from app.engine.lanes.decode import DecodeLane, GenerateTask
from app.engine.lanes.lane import Lane, SlotTask, Work
from app.engine.lanes.prefill import PrefillLane
from app.engine.lanes.wiring import ModelLanes, Task

OBSERVE_S = 0.1
"""How often the work of running tasks is recorded: not with each that ends, since among many one ends at each step."""


@dataclass
class _Observed:
    """A running task's model, its share of work that has been recorded, and what is left, while it has slots."""

    model: str
    running: Running | None
    progress: float = 0.0


class Progress:
    """Measures the work of each model. For the engine's thread."""

    def __init__(self, admission: Admission, max_slots: int, clock: Callable[[], float]) -> None:
        self._admission, self._max_slots, self._clock = admission, max_slots, clock
        self._forecasts = admission.forecasts
        self._last_step: dict[Lane, float] = {}
        """When the last step of each lane ended, of those that are busy since."""
        self._tasks: dict[Task, _Observed] = {}
        self._costs: dict[str, float] = {}
        """Of each model, the work of tasks that have ended since its work was last recorded."""
        self._since: dict[str, float] = {}
        """When each model's work was last recorded, or began."""
        self._due = clock()

    def stepped(self, model: str, lane: Lane, work: Work, seconds: float) -> None:
        """A lane of a model has run a step, which itself took so many seconds.

        What counts is the time from step to step: the steps of other lanes are between them.
        """
        now = self._clock()
        period = now - self._last_step.get(lane, now - seconds)
        self._last_step[lane] = now
        if isinstance(lane, DecodeLane):
            self._forecast(model).step_times.record(work.rows, period)
        elif isinstance(lane, PrefillLane) and work.prompt_tokens:
            self._forecast(model).prompt_times.record(work.prompt_tokens, period)

    def start(self, model: str, task: Task) -> None:
        self._since.setdefault(model, self._clock())
        self._tasks[task] = _Observed(model, _running(task, self._forecast(model)))
        self._publish([model])

    def end(self, tasks: Iterable[Task], lanes: Mapping[str, ModelLanes]) -> None:
        """Some tasks have ended, of themselves or not. Called before each step, also where there are none."""
        self._last_step = {lane: when for lane, when in self._last_step.items() if lane.busy}
        models = {self._remove(task) for task in tasks}
        if self._clock() >= self._due or models - self._running_models:
            self._record()
            self._observe(lanes)
        elif models:
            self._publish(models)

    def clear(self) -> None:
        """All tasks are gone."""
        self._tasks.clear()
        self._costs.clear()
        self._since.clear()
        for forecast in self._forecasts.values():
            forecast.running, forecast.prompt_tokens = [], {}

    def fits(self, model: str, task: Task) -> bool:
        """Whether a task that starts now would end in time, and not make others late."""
        forecast = self._forecast(model)
        return forecast.fits(task.job, self._clock(), task.ticket.deadline)

    def _forecast(self, model: str) -> Forecast:
        forecast = self._forecasts.get(model)
        if forecast is None:
            forecast = self._forecasts[model] = Forecast(self._max_slots)
        return forecast

    @property
    def _running_models(self) -> set[str]:
        return {observed.model for observed in self._tasks.values()}

    def _remove(self, task: Task) -> str:
        """A task has ended; return its model."""
        observed = self._tasks.pop(task)
        self._add_cost(task, observed)
        if isinstance(task, GenerateTask) and not task.rows_left:
            for row in task.rows:
                self._forecast(observed.model).lengths.record(task.job, len(row.ids))
        return observed.model

    def _add_cost(self, task: Task, observed: _Observed) -> None:
        progress = task.progress
        cost = task.job.cost * (progress - observed.progress)
        self._costs[observed.model] = self._costs.get(observed.model, 0.0) + cost
        observed.progress = progress

    def _record(self) -> None:
        """Record the work of each model since the last time."""
        now = self._clock()
        self._due = now + OBSERVE_S
        for task, observed in self._tasks.items():
            self._add_cost(task, observed)
        for model, cost in self._costs.items():
            self._admission.record(model, cost, now - self._since[model])
            self._since[model] = now
        self._costs.clear()

    def _observe(self, lanes: Mapping[str, ModelLanes]) -> None:
        models = self._running_models
        self._since = {model: since for model, since in self._since.items() if model in models}
        active = {task for model in models & lanes.keys() for task in lanes[model].holders()}
        for task, observed in self._tasks.items():
            observed.running = _running(task, self._forecast(observed.model)) if task in active else None
        for model, forecast in self._forecasts.items():
            prefill = [lane for lane in lanes[model].lanes if isinstance(lane, PrefillLane)] if model in lanes else []
            forecast.prompt_tokens = sum((lane.tokens_left() for lane in prefill), Counter())
        self._publish(self._forecasts)

    def _publish(self, models: Iterable[str]) -> None:
        """Give some models' forecasts what is running: complete lists, since event loops read them at any moment."""
        for model in models:
            observed = [observed for observed in self._tasks.values() if observed.model == model]
            self._forecast(model).running = [entry.running for entry in observed if entry.running is not None]


def _running(task: SlotTask, forecast: Forecast) -> Running:
    caller, deadline = task.ticket.caller.name, task.ticket.deadline
    if not isinstance(task, GenerateTask):
        return Running(caller, task.slots, 0.0, deadline)
    rows = task.rows_left
    steps = [len(row.forced) + forecast.lengths.remaining(task.job, len(row.ids)) for row in rows]
    return Running(caller, len(rows), max(steps, default=0.0), deadline)
