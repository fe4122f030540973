"""The lanes of one model, and the slots that they share."""

from collections.abc import Callable, Sequence
from typing import Any

from app.catalog.registry import Served
from app.engine.bounds import Bounds
from app.engine.jobs import ClassifyJob, GenerateJob, InspectJob, Job, PredictJob, TranslateJob
from app.engine.lanes.classify import ClassifyLane, ClassifyTask
from app.engine.lanes.decode import DecodeLane, GenerateTask
from app.engine.lanes.inspect import InspectLane, InspectTask
from app.engine.lanes.lane import Lane
from app.engine.lanes.next_words import NextWordsLane, PredictTask
from app.engine.lanes.prefill import PrefillLane
from app.engine.lanes.translate import BeamLane, EncodeLane, EncodeQueue
from app.engine.lanes.translate_task import TranslateTask
from app.engine.outbox import Outbox
from app.engine.snapshot import check_snapshot
from app.engine.ticket import Ticket
from app.errors import InvalidRequest
from models.kinds import kind_of
from models.networks.translator import Translator
from models.runtime.interface import ClassifierRuntime, LanguageRuntime, TranslatorRuntime

Task = GenerateTask | PredictTask | ClassifyTask | TranslateTask | InspectTask


class ModelLanes:
    """The lanes of one model, which share its slots."""

    def __init__(self, lanes: Sequence[Lane], start: Callable[[Any], None], max_slots: int) -> None:
        """start puts a task into its first lane."""
        self.lanes, self.start, self._max_slots = lanes, start, max_slots

    @property
    def free_slots(self) -> int:
        return self._max_slots - sum(lane.slots for lane in self.lanes)

    @property
    def empty(self) -> bool:
        return all(lane.empty for lane in self.lanes)

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


def translator_lanes(served: Served, max_slots: int, outbox: Outbox) -> ModelLanes:
    runtime: TranslatorRuntime = served.runtime  # type: ignore[assignment]
    queue = EncodeQueue()
    beams = BeamLane(runtime, served.tokenizer, max_slots, queue, outbox)
    encode = EncodeLane(runtime, queue, beams, outbox)
    return ModelLanes([encode, beams], encode.add, max_slots)


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
    if isinstance(job, ClassifyJob):
        return ClassifyTask(ticket, served.tokenizer, bounds)
    assert isinstance(job, TranslateJob)
    assert isinstance(served.checkpoint.model, Translator)
    return TranslateTask(ticket, served.checkpoint.model, served.tokenizer, served.checkpoint.quality)


def _check_ids(job: GenerateJob, served: Served) -> None:
    """Raise InvalidRequest for an id outside the vocabulary."""
    size = served.tokenizer.size
    for field, ids in (("prompt", job.ids or ()), ("logit_bias", [token for token, _ in job.sampling.logit_bias])):
        if any(not 0 <= token < size for token in ids):
            raise InvalidRequest(f"an id is outside the vocabulary: ids are from 0 to {size - 1}", field)
