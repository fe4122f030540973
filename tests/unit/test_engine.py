"""The engine with made-up work: no weights, no waiting by the clock."""

import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError
from types import SimpleNamespace

import pytest

from app.engine.engine import Engine
from app.engine.jobs import ClassifyJob, Job, PredictJob
from app.errors import EngineStopped, QueueFull

PATIENCE_S = 10


class Desk:
    """Work whose batches wait at a gate, and that remembers what shared a batch."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.batches: list[list[str]] = []
        self.threads: set[str] = set()

    def __call__(self, checkpoint: object, jobs: Sequence[ClassifyJob]) -> list[str]:
        self.entered.set()
        assert self.gate.wait(PATIENCE_S)
        names = [job.texts[0] for job in jobs]
        self.batches.append(names)
        self.threads.add(threading.current_thread().name)
        if "bad" in names:
            raise ValueError("a bad row")
        return [name.upper() for name in names]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def engine(desk: Desk):
    registry = SimpleNamespace(get=lambda name: name)
    engine = Engine(registry, max_queued=8, max_batch=4, work={ClassifyJob: desk, PredictJob: desk})
    engine.start()
    yield engine
    desk.gate.set()
    engine.stop(PATIENCE_S)


def job(text: str, model: str = "m") -> Job:
    return ClassifyJob(model, (text,))


def hold(engine: Engine, desk: Desk):
    """Keep the engine busy with a first job, so that what comes next has to wait."""
    first = engine.submit(job("first"))
    assert desk.entered.wait(PATIENCE_S)
    return first


class TestEngine:
    def test_what_waits_runs_together_in_one_thread(self, engine: Engine, desk: Desk) -> None:
        first = hold(engine, desk)
        futures = [engine.submit(job(text)) for text in "abcdef"]
        desk.gate.set()
        assert [future.result(PATIENCE_S) for future in (first, *futures)] == ["FIRST", *"ABCDEF"]
        assert desk.batches == [["first"], ["a", "b", "c", "d"], ["e", "f"]]
        assert desk.threads == {"engine"}

    def test_only_like_work_shares_a_batch(self, engine: Engine, desk: Desk) -> None:
        hold(engine, desk)
        futures = [engine.submit(job(text, model)) for text, model in (("a", "x"), ("b", "y"), ("c", "x"))]
        desk.gate.set()
        assert [future.result(PATIENCE_S) for future in futures] == ["A", "B", "C"]
        assert desk.batches[1:] == [["a", "c"], ["b"]]

    def test_a_bad_job_fails_alone(self, engine: Engine, desk: Desk) -> None:
        hold(engine, desk)
        good, bad, other = (engine.submit(job(text)) for text in ("good", "bad", "other"))
        desk.gate.set()
        assert good.result(PATIENCE_S) == "GOOD"
        assert other.result(PATIENCE_S) == "OTHER"
        with pytest.raises(ValueError, match="a bad row"):
            bad.result(PATIENCE_S)
        assert engine.submit(job("after")).result(PATIENCE_S) == "AFTER"

    def test_a_cancelled_job_is_never_run(self, engine: Engine, desk: Desk) -> None:
        hold(engine, desk)
        left, kept = engine.submit(job("left")), engine.submit(job("kept"))
        assert left.cancel()
        desk.gate.set()
        assert kept.result(PATIENCE_S) == "KEPT"
        assert desk.batches[1:] == [["kept"]]
        with pytest.raises(CancelledError):
            left.result(PATIENCE_S)

    def test_a_full_queue_refuses_at_once(self, engine: Engine, desk: Desk) -> None:
        hold(engine, desk)
        for text in "abcdefgh":
            engine.submit(job(text))
        with pytest.raises(QueueFull, match="8 requests are waiting"):
            engine.submit(job("i"))

    def test_stopping_ends_what_waits_and_refuses_what_comes(self, engine: Engine, desk: Desk) -> None:
        first = hold(engine, desk)
        waiting = engine.submit(job("waiting"))
        desk.gate.set()
        engine.stop(PATIENCE_S)
        assert first.result(0) == "FIRST"
        assert waiting.result(0) == "WAITING"
        with pytest.raises(EngineStopped):
            engine.submit(job("late"))

    def test_out_of_time_what_waits_fails(self, engine: Engine, desk: Desk) -> None:
        hold(engine, desk)
        waiting = engine.submit(job("waiting"))
        engine.stop(timeout_s=0)
        with pytest.raises(EngineStopped):
            waiting.result(0)

    def test_it_moves_unless_it_is_stuck(self, engine: Engine, desk: Desk) -> None:
        assert engine.is_moving(patience_s=PATIENCE_S)
        hold(engine, desk)
        assert engine.is_moving(patience_s=PATIENCE_S)
        assert not engine.is_moving(patience_s=0)
