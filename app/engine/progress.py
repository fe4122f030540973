"""What the running tasks have done and have still to do, measured for the admission."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from app.engine.admission import Admission
from app.engine.forecast import Forecast, Running
from app.engine.lanes.decode import DecodeLane, GenerateTask
from app.engine.lanes.lane import Lane, SlotTask, Work
from app.engine.lanes.prefill import PrefillLane
from app.engine.lanes.wiring import ModelLanes, Task

OBSERVE_S = 0.1
"""How often running tasks are looked at, where none starts or ends."""


class Progress:
    """Measures the work of each model. For the engine's thread."""

    def __init__(self, admission: Admission, max_slots: int, clock: Callable[[], float]) -> None:
        self._admission, self._max_slots, self._clock = admission, max_slots, clock
        self._forecasts = admission.forecasts
        self._last_step: dict[Lane, float] = {}
        """When the last step of each lane ended, of those that are busy since."""
        self._tasks: dict[Task, tuple[str, float]] = {}
        """The model of each running task, and its progress at the last look."""
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
        self._tasks[task] = (model, 0.0)
        self._since.setdefault(model, self._clock())
        forecast = self._forecast(model)
        forecast.running = [*forecast.running, _running(task, forecast)]

    def end(self, tasks: Iterable[Task], lanes: Mapping[str, ModelLanes]) -> None:
        """Some tasks have ended, of themselves or not. Called before each step, also where there are none."""
        self._last_step = {lane: when for lane, when in self._last_step.items() if lane.busy}
        tasks = list(tasks)
        if tasks or self._clock() >= self._due:
            self._record()
            for task in tasks:
                model, _ = self._tasks.pop(task)
                if isinstance(task, GenerateTask) and not task.rows_left:
                    for row in task.rows:
                        self._forecast(model).lengths.record(task.job, len(row.ids))
            self._observe(lanes)

    def clear(self) -> None:
        """All tasks are gone."""
        self._tasks.clear()
        self._since.clear()
        for forecast in self._forecasts.values():
            forecast.running, forecast.prompt_tokens = [], {}

    def fits(self, model: str, task: Task) -> bool:
        """Whether a task that starts now would end in time, and not make others late."""
        forecast = self._forecast(model)
        return forecast.fits(task.job, self._clock(), task.ticket.deadline)

    def _forecast(self, model: str) -> Forecast:
        return self._forecasts.setdefault(model, Forecast(self._max_slots))

    def _record(self) -> None:
        """Record the work of each model since the last look."""
        now, costs = self._clock(), dict[str, float]()
        self._due = now + OBSERVE_S
        for task, (model, before) in self._tasks.items():
            progress = task.progress
            costs[model] = costs.get(model, 0.0) + task.job.cost * (progress - before)
            self._tasks[task] = (model, progress)
        for model, cost in costs.items():
            self._admission.record(model, cost, now - self._since[model])
            self._since[model] = now

    def _observe(self, lanes: Mapping[str, ModelLanes]) -> None:
        models = {model for model, _ in self._tasks.values()}
        self._since = {model: since for model, since in self._since.items() if model in models}
        for model, forecast in self._forecasts.items():
            running, prompt_tokens = list[Running](), Counter[str]()
            if model in models and model in lanes:
                active = {task for lane in lanes[model].lanes for task in (*lane.tasks, *lane.aside)}
                running = [_running(task, forecast) for task in active]
                prefill = [lane for lane in lanes[model].lanes if isinstance(lane, PrefillLane)]
                prompt_tokens = sum((lane.tokens_left() for lane in prefill), Counter())
            # once they are complete: event loops read them at any moment
            forecast.running, forecast.prompt_tokens = running, prompt_tokens


def _running(task: SlotTask, forecast: Forecast) -> Running:
    caller, deadline = task.ticket.caller.name, task.ticket.deadline
    if not isinstance(task, GenerateTask):
        return Running(caller, task.slots, 0.0, deadline)
    rows = task.rows_left
    steps = [len(row.forced) + forecast.lengths.remaining(task.job, len(row.ids)) for row in rows]
    return Running(caller, len(rows), max(steps, default=0.0), deadline)
