"""The lanes of one model, and the slots that they share."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from app.catalog.registry import Served
from app.engine.bounds import Bounds
from app.engine.jobs import (
    ClassifyJob,
    DescribeJob,
    DrawJob,
    GenerateJob,
    InspectJob,
    Job,
    PredictJob,
    SpeakJob,
    TranscribeJob,
)  # fmt: skip
from app.engine.lanes.classify import ClassifyLane, ClassifyTask
from app.engine.lanes.decode import DecodeLane, GenerateTask
from app.engine.lanes.describe import DescribeLane, DescribeTask
from app.engine.lanes.draw import DrawLane, DrawTask
from app.engine.lanes.inspect import InspectLane, InspectTask
from app.engine.lanes.lane import Lane, PausingLane, SlotTask
from app.engine.lanes.next_words import NextWordsLane, PredictTask
from app.engine.lanes.prefill import PrefillLane
from app.engine.lanes.speak import SpeakLane, SpeakTask
from app.engine.lanes.summarize_task import SummarizeTask
from app.engine.lanes.transcribe import TranscribeLane, TranscribeTask
from app.engine.lanes.translate import BeamLane, EncodeLane, EncodeQueue
from app.engine.lanes.translate_task import TranslateTask
from app.engine.outbox import Outbox
from app.engine.snapshot import check_snapshot
from app.engine.ticket import Ticket
from app.errors import InvalidRequest
from models.kinds import kind_of
from models.networks.summarizer import Summarizer
from models.networks.translator import Translator
from models.runtime.captioner import FloatCaptioner
from models.runtime.interface import ClassifierRuntime, LanguageRuntime, TranslatorRuntime
from models.runtime.pixel_rnn import PixelRuntime
from models.runtime.recognizer import FloatRecognizer
from models.runtime.speaker import FloatSpeaker

Task = (
    GenerateTask
    | PredictTask
    | ClassifyTask
    | TranslateTask
    | SummarizeTask
    | InspectTask
    | DescribeTask
    | TranscribeTask
    | SpeakTask
    | DrawTask
)


class ModelLanes:
    """The lanes of one model, which share its slots."""

    def __init__(self, lanes: Sequence[Lane], start: Callable[[Any], None], max_slots: int) -> None:
        """start puts a task into its first lane."""
        self.lanes, self.start, self._max_slots = lanes, start, max_slots
        self._pausing = [lane for lane in lanes if isinstance(lane, PausingLane)]

    @property
    def free_slots(self) -> int:
        return self._max_slots - sum(lane.slots for lane in self.lanes)

    @property
    def empty(self) -> bool:
        return all(lane.empty for lane in self.lanes)

    @property
    def busy(self) -> bool:
        """Whether some lane can run a step. This and `has_aside` are loops, since each step looks at them."""
        for lane in self.lanes:  # noqa: SIM110
            if lane.busy:
                return True
        return False

    @property
    def has_aside(self) -> bool:
        for lane in self._pausing:  # noqa: SIM110
            if lane.aside:
                return True
        return False

    def make_room(self, task: SlotTask, held: Counter[str]) -> bool:
        """Set tasks aside until the slots suffice for another caller's task; return whether they do.

        Only tasks of callers that hold more than an equal share of the slots, the latest first; and only for a caller
        that will then hold no more than that, or has none yet. held are the slots that each caller holds.
        """
        caller = task.ticket.caller.name
        # with more callers than slots, nobody is set aside for others who would be set aside in turn
        share = max(1, self._max_slots // len({*held, caller}))
        if max(held.values(), default=0) <= share or (held[caller] and held[caller] + task.slots > share):
            return False
        movable = [(lane, other) for lane in self._pausing for other in lane.tasks]
        free, chosen = self.free_slots, []
        while free < task.slots:
            others = {other.ticket.caller.name for _, other in movable} - {caller}
            greediest = max(others, key=lambda name: held[name], default=caller)
            if held[greediest] <= share:
                return False
            entry = next(entry for entry in reversed(movable) if entry[1].ticket.caller.name == greediest)
            movable.remove(entry)
            chosen.append(entry)
            held[greediest] -= entry[1].slots
            free += entry[1].slots
        for lane, other in chosen:
            lane.set_aside(other)
        return True

    def bring_back(self, following: SlotTask | None) -> bool:
        """Let tasks that are set aside run on, as far as slots are free, before a queued task that follows, if any.

        Not before one that can start and whose caller holds no more slots. Returns whether the queued task may start:
        not before an earlier one of its caller.
        """
        if not self.has_aside:
            return True
        held = self.held()
        aside = [(lane, task) for lane in self._pausing for task in lane.aside]
        for lane, task in aside:
            caller = task.ticket.caller.name
            other = following.ticket.caller.name if following else caller
            fits = following is not None and self.free_slots >= following.slots
            if other != caller and fits and held[other] <= held[caller]:
                continue
            if self.free_slots >= task.slots or not self.busy:
                lane.bring_back(task)
                held[caller] += task.slots
            elif other == caller:
                return False
        return True

    def holders(self) -> Iterator[SlotTask]:
        """The tasks that hold slots of lanes that share them, and those that are set aside."""
        for lane in self.lanes:
            yield from lane.tasks
            yield from lane.aside

    def held(self) -> Counter[str]:
        """The slots that each caller holds."""
        held: Counter[str] = Counter()
        for lane in self.lanes:
            for task in lane.tasks:
                held[task.ticket.caller.name] += task.slots
        return held

    def sweep(self) -> None:
        for lane in self.lanes:
            lane.sweep()

    def interrupt(self) -> None:
        for lane in self.lanes:
            lane.interrupt()


def language_lanes(served: Served, max_slots: int, outbox: Outbox) -> ModelLanes:
    runtime: LanguageRuntime = served.runtime  # type: ignore[assignment]
    assert served.vocabulary
    words = NextWordsLane(runtime, served.vocabulary, outbox)
    inspection = InspectLane(outbox)
    prefill = PrefillLane(runtime, outbox)
    decode = DecodeLane(runtime, served.tokenizer, outbox)

    def start(task: GenerateTask | PredictTask | InspectTask) -> None:
        if isinstance(task, GenerateTask):
            prefill.add(task, then=decode.join)
        elif isinstance(task, PredictTask):
            prefill.add(task, then=words.join)
        else:
            inspection.add(task)

    return ModelLanes([words, inspection, prefill, decode], start, max_slots)


def classifier_lanes(served: Served, max_slots: int, outbox: Outbox) -> ModelLanes:
    runtime: ClassifierRuntime = served.runtime  # type: ignore[assignment]
    texts = ClassifyLane(runtime, served.checkpoint.model.config.labels, outbox)
    inspection = InspectLane(outbox)

    def start(task: ClassifyTask | InspectTask) -> None:
        if isinstance(task, ClassifyTask):
            texts.add(task)
        else:
            inspection.add(task)

    return ModelLanes([texts, inspection], start, max_slots)


def beam_search_lanes(served: Served, max_slots: int, outbox: Outbox) -> ModelLanes:
    runtime: TranslatorRuntime = served.runtime  # type: ignore[assignment]
    queue = EncodeQueue()
    beams = BeamLane(runtime, served.tokenizer, max_slots, queue, outbox)
    encode = EncodeLane(runtime, queue, beams, outbox)
    return ModelLanes([encode, beams], encode.add, max_slots)


def captioner_lanes(served: Served, max_slots: int, outbox: Outbox) -> ModelLanes:
    runtime: FloatCaptioner = served.runtime  # type: ignore[assignment]
    pictures = DescribeLane(runtime, served.tokenizer, outbox)
    return ModelLanes([pictures], pictures.add, max_slots)


def recognizer_lanes(served: Served, max_slots: int, outbox: Outbox) -> ModelLanes:
    runtime: FloatRecognizer = served.runtime  # type: ignore[assignment]
    recordings = TranscribeLane(runtime, served.tokenizer, outbox)
    return ModelLanes([recordings], recordings.add, max_slots)


def speaker_lanes(served: Served, max_slots: int, outbox: Outbox) -> ModelLanes:
    runtime: FloatSpeaker = served.runtime  # type: ignore[assignment]
    lane = SpeakLane(runtime, outbox)
    return ModelLanes([lane], lane.add, max_slots)


def image_lanes(served: Served, max_slots: int, outbox: Outbox) -> ModelLanes:
    runtime: PixelRuntime = served.runtime  # type: ignore[assignment]
    lane = DrawLane(runtime, outbox)
    return ModelLanes([lane], lane.add, max_slots)


def make_lanes(served: Served, max_slots: int, outbox: Outbox) -> ModelLanes:
    """The lanes that the record of the model's kind names."""
    lanes: ModelLanes = kind_of(served.checkpoint.model).load_lanes()(served, max_slots, outbox)
    return lanes


def prepare(ticket: Ticket, served: Served, bounds: Bounds) -> Task:
    """Tokenize a job's texts. Raises what `Engine.submit` does for a job that can't be done."""
    job: Job = ticket.job
    if isinstance(job, GenerateJob | PredictJob) and job.snapshot:
        check_snapshot(job.snapshot, served)
    if isinstance(job, GenerateJob):
        _check_ids(job, served)
        return GenerateTask(ticket, served)
    if isinstance(job, PredictJob):
        return PredictTask(ticket, served)
    if isinstance(job, InspectJob):
        return InspectTask(ticket, served)
    if isinstance(job, DescribeJob | TranscribeJob | SpeakJob | DrawJob):
        return _prepare_without_text(ticket, served)
    if isinstance(job, ClassifyJob):
        return ClassifyTask(ticket, served.tokenizer, bounds)
    return _search_task(ticket, served)


def _search_task(ticket: Ticket, served: Served) -> TranslateTask | SummarizeTask:
    loaded = served.checkpoint
    if isinstance(loaded.model, Summarizer):
        return SummarizeTask(ticket, loaded.model, served.tokenizer)
    assert isinstance(loaded.model, Translator)
    return TranslateTask(ticket, loaded.model, served.tokenizer, loaded.quality, loaded.known_words)


def _prepare_without_text(ticket: Ticket, served: Served) -> DescribeTask | TranscribeTask | SpeakTask | DrawTask:
    """Of jobs with nothing to tokenize: files are decoded already, and words are ids."""
    if isinstance(ticket.job, DrawJob):
        return DrawTask(ticket, served.checkpoint.model.config)
    if isinstance(ticket.job, SpeakJob):
        return SpeakTask(ticket)
    return DescribeTask(ticket) if isinstance(ticket.job, DescribeJob) else TranscribeTask(ticket)


def _check_ids(job: GenerateJob, served: Served) -> None:
    """Raise InvalidRequest for an id outside the vocabulary."""
    size = served.tokenizer.size
    for field, ids in (("prompt", job.ids or ()), ("logit_bias", [token for token, _ in job.sampling.logit_bias])):
        if any(not 0 <= token < size for token in ids):
            raise InvalidRequest(f"an id is outside the vocabulary: ids are from 0 to {size - 1}", field)
