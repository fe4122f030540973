"""The lanes of one model, and the seats in them."""

from collections.abc import Callable
from typing import Protocol

from app.catalog.registry import Served
from app.engine.jobs import ClassifyJob, GenerateJob, InspectJob, Job, PredictJob, TranslateJob
from app.engine.lanes.classify import ClassifyLane, ClassifyTask
from app.engine.lanes.decode import DecodeLane, GenerateTask
from app.engine.lanes.inspect import InspectLane, InspectTask
from app.engine.lanes.next_words import PredictTask, WordsLane
from app.engine.lanes.prefill import ReadingLane
from app.engine.lanes.translate import BeamLane, EncodeLane, TranslateTask
from app.engine.scheduler import Lane
from app.engine.snapshot import check
from app.engine.ticket import Outbox, Ticket
from app.errors import InvalidRequest
from models.counted.bag_of_words import Bag
from models.networks.classifier import Classifier
from models.networks.translator import Translator
from models.runtime.interface import ClassifierRuntime, LanguageRuntime, TranslatorRuntime

Task = GenerateTask | PredictTask | ClassifyTask | TranslateTask | InspectTask


class ModelLanes(Protocol):
    """What the engine asks of a model's lanes."""

    lanes: list[Lane]

    @property
    def seats(self) -> int:
        """How many seats are free."""

    @property
    def empty(self) -> bool:
        """Whether nothing runs, and nobody is set aside."""

    def start(self, task: Task) -> None:
        """Let a task take its seats."""

    def sweep(self) -> None:
        """Drop the tasks of those who are gone."""

    def interrupt(self) -> None:
        """End, with what they have, the tasks that can go on elsewhere."""


class LanguageLanes:
    """Reading, decoding, questions about the next word, and looks inside."""

    def __init__(self, served: Served, max_rows: int, outbox: Outbox) -> None:
        runtime: LanguageRuntime = served.runtime  # type: ignore[assignment]
        assert served.vocabulary
        self.reading = ReadingLane(runtime, outbox)
        self.decode = DecodeLane(runtime, served.tokenizer, outbox)
        self.words = WordsLane(runtime, served.vocabulary, outbox)
        self.inspect = InspectLane(outbox)
        self.lanes: list[Lane] = [self.words, self.inspect, self.reading, self.decode]
        self._max_rows = max_rows

    @property
    def seats(self) -> int:
        return self._max_rows - self.reading.seats - len(self.decode) - len(self.words) - len(self.inspect)

    @property
    def empty(self) -> bool:
        return not any(lane.busy for lane in self.lanes) and not self.decode.parked

    def start(self, task: Task) -> None:
        assert isinstance(task, GenerateTask | PredictTask | InspectTask)
        if isinstance(task, InspectTask):
            self.inspect.add(task)
            return
        if isinstance(task, GenerateTask):
            task.lane = self.decode
        else:
            task.lane = self.words
        self.reading.add(task)

    def sweep(self) -> None:
        self.reading.sweep()
        self.decode.sweep()
        self.words.sweep()
        self.inspect.sweep()

    def interrupt(self) -> None:
        self.decode.interrupt()


class ClassifierLanes:
    """A text is read in one piece. Texts take no seats, they wait in the lane; looks inside have one of their own."""

    def __init__(self, served: Served, max_rows: int, outbox: Outbox) -> None:
        runtime: ClassifierRuntime = served.runtime  # type: ignore[assignment]
        model = served.checkpoint.model
        assert isinstance(model, Classifier | Bag)
        self.texts = ClassifyLane(runtime, model.config.labels, outbox)
        self.inspect = InspectLane(outbox)
        self.lanes: list[Lane] = [self.texts, self.inspect]
        self._max_rows = max_rows

    @property
    def seats(self) -> int:
        return self._max_rows - len(self.texts) - len(self.inspect)

    @property
    def empty(self) -> bool:
        return not self.texts.busy and not self.inspect.busy

    def start(self, task: Task) -> None:
        assert isinstance(task, ClassifyTask | InspectTask)
        if isinstance(task, InspectTask):
            self.inspect.add(task)
        else:
            self.texts.add(task)

    def sweep(self) -> None:
        self.texts.sweep()
        self.inspect.sweep()

    def interrupt(self) -> None:
        """None can."""


class TranslatorLanes:
    """Encoding and searching. A text's sentences wait in the first for rows in the second."""

    def __init__(self, served: Served, max_rows: int, outbox: Outbox) -> None:
        runtime: TranslatorRuntime = served.runtime  # type: ignore[assignment]
        self.beams = BeamLane(runtime, served.tokenizer.end_id, max_rows, outbox)
        self.encode = EncodeLane(runtime, self.beams, outbox)
        self.lanes: list[Lane] = [self.encode, self.beams]
        self._max_rows = max_rows

    @property
    def seats(self) -> int:
        return self._max_rows - len(self.encode) - len(self.beams)

    @property
    def empty(self) -> bool:
        return not len(self.encode) and not self.beams.busy

    def start(self, task: Task) -> None:
        assert isinstance(task, TranslateTask)
        self.encode.add(task)

    def sweep(self) -> None:
        self.encode.sweep()
        self.beams.sweep()

    def interrupt(self) -> None:
        """None can."""


LANES: dict[str, Callable[[Served, int, Outbox], ModelLanes]] = {
    "language": LanguageLanes,
    "classifier": ClassifierLanes,
    "translator": TranslatorLanes,
}


def prepare(ticket: Ticket, served: Served) -> Task:
    """Turn a job's texts into ids. Raises TokenizerError or InvalidRequest for what can't be done."""
    job: Job = ticket.job
    if isinstance(job, GenerateJob | PredictJob):
        if job.before:
            check(job.before, served)
        if isinstance(job, GenerateJob):
            _check_ids(job, served)
        return GenerateTask(ticket, served) if isinstance(job, GenerateJob) else PredictTask(ticket, served)
    if isinstance(job, InspectJob):
        return InspectTask(ticket, served)
    if isinstance(job, ClassifyJob):
        return ClassifyTask(ticket, served.tokenizer)
    assert isinstance(job, TranslateJob)
    assert isinstance(served.checkpoint.model, Translator)
    return TranslateTask(ticket, served.checkpoint.model, served.tokenizer)


def _check_ids(job: GenerateJob, served: Served) -> None:
    """Raise InvalidRequest where a job names an id that the vocabulary has not."""
    size = served.tokenizer.size
    for field, ids in (("prompt", job.ids or ()), ("logit_bias", [token for token, _ in job.sampling.logit_bias])):
        if any(not 0 <= token < size for token in ids):
            raise InvalidRequest(f"an id is outside the vocabulary: ids are from 0 to {size - 1}", field)
