"""The lane that draws: images that are set aside and brought back are those that were not."""

from collections.abc import Iterator

import pytest

from app.engine.jobs import Drawing, DrawJob
from app.engine.lanes.draw import DrawLane, DrawTask
from app.engine.outbox import Outbox
from app.engine.ticket import Caller, Finished, Ticket
from models.runtime.pixel_rnn import PixelRuntime
from tests.tiny_images import tiny_pixel_rnn

pytestmark = pytest.mark.anyio
MODEL = tiny_pixel_rnn()


class Sent(Outbox):
    """Keeps results instead of sending them."""

    def __init__(self) -> None:
        super().__init__()
        self.results: dict[Ticket, Drawing | BaseException] = {}

    def post(self, ticket: Ticket, event: object) -> None:
        if isinstance(event, Finished):
            self.results[ticket] = event.error or event.result


def task(seed: int, n: int = 2) -> DrawTask:
    config = MODEL.config
    job = DrawJob(1, n, seed, config.height, config.width)
    return DrawTask(Ticket(job, Caller(), 60, 0), config)


def steps(lane: DrawLane) -> Iterator[int]:
    while lane.busy:
        lane.step(True)
        yield 1


async def test_set_aside_between_any_two_rows() -> None:
    outbox = Sent()
    lane = DrawLane(PixelRuntime(MODEL), outbox)
    alone = task(3)
    lane.add(alone)
    list(steps(lane))
    expected = outbox.results[alone.ticket]
    assert isinstance(expected, Drawing)
    for row in range(1, MODEL.config.height):
        moved, other = task(3), task(4)
        lane.add(moved)
        for _ in range(row):
            lane.step(True)
        lane.set_aside(moved)
        assert (list(lane.aside), list(lane.tasks), lane.slots, lane.empty) == ([moved], [], 0, False)
        lane.add(other)
        lane.step(False)
        lane.bring_back(moved)
        list(steps(lane))
        assert outbox.results[moved.ticket] == expected
        assert lane.empty


async def test_a_cancelled_job_frees_its_slots() -> None:
    lane = DrawLane(PixelRuntime(MODEL), Sent())
    first, second = task(1), task(2)
    lane.add(first)
    lane.add(second)
    lane.set_aside(second)
    for one in (first, second):
        one.ticket.cancel()
    lane.sweep()
    assert (lane.slots, lane.empty) == (0, True)


async def test_an_image_that_fails_fails_alone() -> None:
    outbox = Sent()
    lane = DrawLane(PixelRuntime(MODEL), outbox)
    bad, good, alone = task(1), task(2), task(2)
    object.__setattr__(bad.job, "subject", 99)  # no class of the model
    lane.add(bad)
    lane.add(good)
    list(steps(lane))
    lane.add(alone)
    list(steps(lane))
    assert isinstance(outbox.results[bad.ticket], IndexError)
    assert outbox.results[good.ticket] == outbox.results[alone.ticket]


async def test_progress_and_work_count_rows_and_pixels() -> None:
    lane = DrawLane(PixelRuntime(MODEL), Sent())
    one = task(1, n=3)
    lane.add(one)
    work = lane.step(True)
    assert (work.rows, work.generation_tokens, work.started) == (3, 3 * MODEL.config.width, [one.ticket])
    assert one.progress == pytest.approx(1 / MODEL.config.height)
