"""What the running tasks have done and have still to do, measured for the admission."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from app.engine.admission import Admission, too_much_work
from app.engine.forecast import MARGIN, PATIENCE, Forecast, Running
from app.engine.lanes.decode import DecodeLane, GenerateTask
from app.engine.lanes.lane import Lane, SlotTask, Work
from app.engine.lanes.prefill import PrefillLane
from app.engine.lanes.translate import BeamLane, EncodeLane
from app.engine.lanes.translate_task import TranslateTask
from app.engine.lanes.wiring import ModelLanes, Task
from app.engine.search_forecast import SearchForecast
from app.engine.ticket import Ticket
from app.errors import QueueFull, ServiceError, TooMuchWork

OBSERVE_S = 0.1
"""How often the work of running tasks is recorded: not with each that ends, since among many one ends at each step."""


@dataclass
class _Observed:
    """A running task's model, its share of work that has been recorded, and what is left, while it has slots.

    pace_s is how long all of it takes at the pace of what was done when its share last grew; 0 before.
    """

    model: str
    running: Running | None
    begun: float
    progress: float = 0.0
    pace_s: float = 0.0

    @property
    def ends_at(self) -> float:
        """By its pace so far."""
        return self.begun + self.pace_s


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
        if isinstance(lane, BeamLane):
            self._search(model).stepped(work.rows, period, now)
        elif isinstance(lane, EncodeLane):
            self._search(model).encoded(work.search_work)
        elif isinstance(lane, DecodeLane):
            self._forecast(model).step_times.record(work.rows, period)
            self._forecast(model).stepped_at = now
        elif isinstance(lane, PrefillLane) and work.prompt_tokens:
            self._forecast(model).prompt_times.record(work.prompt_tokens, period)

    def start(self, model: str, task: Task) -> None:
        self._since.setdefault(model, self._clock())
        self._tasks[task] = _Observed(model, _running(task, self._forecast(model)), self._clock())
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

    def late(self, now: float) -> Iterator[tuple[Ticket, ServiceError]]:
        """The running requests that can't end in time, at the speed of recent steps, each with its error.

        Generations end so that others of their batch end in time. A translation ends where it, and those that began
        before it, have more work left than a full batch could do; other work, where it is alone and too slow so far.
        """
        for model, forecast in self._forecasts.items():
            left_s = self._admission.left_s(model)
            late = forecast.late(now)
            for running in late:
                assert running.ticket
                yield running.ticket, _slower(running.ticket, now, left_s)
            forecast.running = [running for running in forecast.running if running not in late]
        before: dict[str, float] = {}
        for task, observed in self._tasks.items():
            model = observed.model
            if task.ticket.closed or isinstance(task, GenerateTask):
                continue
            if not isinstance(task, TranslateTask):
                if task.ticket.alone and observed.ends_at > now + PATIENCE * (task.ticket.deadline - now):
                    yield task.ticket, too_much_work(observed.ends_at - task.ticket.created, task.ticket)
                continue
            ticket, own_s = task.ticket, self._search(model).predict_s(task.work_left(self._max_slots))
            before_s = before.get(model, 0.0)
            if before_s + own_s <= ticket.deadline - now:
                before[model] = before_s + own_s
            elif before_s:
                yield ticket, _slower(ticket, now, before_s + own_s)
            else:
                yield ticket, too_much_work(now - ticket.created + MARGIN * own_s, ticket)

    def unfinished(self, ticket: Ticket, now: float) -> TooMuchWork:
        """The error for a request that has had the engine to itself, and has not ended by its deadline."""
        paces = [observed.pace_s for task, observed in self._tasks.items() if task.ticket is ticket]
        return too_much_work(max(now - ticket.created, *paces, 0.0), ticket)

    def _search(self, model: str) -> SearchForecast:
        return self._admission.searches.setdefault(model, SearchForecast(self._max_slots))

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
        if progress > observed.progress:
            observed.pace_s = (self._clock() - observed.begun) / progress
        observed.progress = progress

    def _record(self) -> None:
        """Record the work of each model since the last time."""
        now = self._clock()
        self._due = now + OBSERVE_S
        for task, observed in self._tasks.items():
            self._add_cost(task, observed)
        for model, cost in self._costs.items():
            if cost:  # else the time counts with the work that it was spent on, or not at all where that was cancelled
                self._admission.record(model, cost, now - self._since[model])
                self._since[model] = now
        self._costs.clear()

    def _observe(self, lanes: Mapping[str, ModelLanes]) -> None:
        models = self._running_models
        self._since = {model: since for model, since in self._since.items() if model in models}
        active = {task for model in models & lanes.keys() for task in lanes[model].holders()}
        aside = {task for model in models & lanes.keys() for lane in lanes[model].lanes for task in lane.aside}
        for task, observed in self._tasks.items():
            forecast = self._forecast(observed.model)
            observed.running = _running(task, forecast, task in aside) if task in active else None
        for model, forecast in self._forecasts.items():
            prefill = [lane for lane in lanes[model].lanes if isinstance(lane, PrefillLane)] if model in lanes else []
            forecast.prompt_tokens = sum((lane.tokens_left() for lane in prefill), Counter())
        self._publish(self._forecasts)

    def _publish(self, models: Iterable[str]) -> None:
        """Give some models' forecasts what is running: complete lists, since event loops read them at any moment."""
        for model in models:
            observed = [observed for observed in self._tasks.values() if observed.model == model]
            self._forecast(model).running = [entry.running for entry in observed if entry.running is not None]


def _running(task: SlotTask, forecast: Forecast, is_aside: bool = False) -> Running:
    caller, deadline = task.ticket.caller.name, task.ticket.deadline
    if not isinstance(task, GenerateTask):
        return Running(caller, task.slots, 0.0, deadline)
    rows = task.rows_left
    steps = [len(row.forced) + forecast.lengths.remaining(task.job, len(row.ids)) for row in rows]
    likely = [len(row.forced) + forecast.lengths.likely(task.job, len(row.ids)) for row in rows]
    ticket = None if is_aside else task.ticket
    return Running(caller, len(rows), max(steps, default=0.0), deadline, max(likely, default=0.0), ticket)


def _slower(ticket: Ticket, now: float, left_s: float) -> ServiceError:
    """The error for a request that was begun, and can't end in time beside others, or although it is alone.

    left_s is the least time that all that was begun still takes.
    """
    if ticket.alone:
        return too_much_work(now - ticket.created + left_s, ticket)
    remaining_s = ticket.deadline - now
    detail = f"the service has become slower: not all that it has begun can end in time; this had {remaining_s:.0f} s"
    return QueueFull(f"{detail} left", retry_after_s=remaining_s)
