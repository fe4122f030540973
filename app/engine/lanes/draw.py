"""Drawing: a step is a row of each image of a batch. Images join and leave between two rows."""

from collections import deque
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from app.engine.jobs import Drawing, DrawJob, DrawnImage, RowEvent
from app.engine.lanes.lane import PausingLane, Work, run_isolated
from app.engine.outbox import Outbox
from app.engine.ticket import Ticket
from models.networks.pixel_rnn import PixelRNNConfig
from models.runtime.pixel_rnn import GREEDY_SCALE, PixelRuntime, RowRule, RowState
from models.sampling import MIN_TEMPERATURE, random_key, uniforms

STEP_IMAGES = 16
"""Images of a step: a row of each takes about 10 ms together."""


class Canvas:
    """An image that is being drawn: its pixels below the empty rows of the first window, and the network's state."""

    def __init__(self, task: "DrawTask", index: int, config: PixelRNNConfig, state: RowState) -> None:
        self.task, self.index, self.state = task, index, state
        self.above = config.window_rows
        self.pixels = np.zeros((config.window_rows + config.height, config.width), np.uint8)
        self.row = 0
        self.logprob = 0.0
        self._key = np.uint64(random_key(task.job.seed, index))

    @property
    def whole(self) -> bool:
        return self.above + self.row == len(self.pixels)

    @property
    def window(self) -> NDArray[np.uint8]:
        """The rows above the next one."""
        return self.pixels[self.row : self.row + self.above]

    def uniform(self) -> NDArray[np.float64]:
        """A number for each pixel of the next row: a function of seed, image and pixel."""
        width = self.pixels.shape[1]
        if self.task.greedy:
            return np.full(width, 0.5)
        steps = np.arange(self.row * width, (self.row + 1) * width, dtype=np.uint64)
        return uniforms(np.full(width, self._key), steps)

    def rows(self) -> tuple[str, ...]:
        return tuple(_text(row) for row in self.pixels[self.above :])


class DrawTask:
    """A DrawJob with its images."""

    def __init__(self, ticket: Ticket, config: PixelRNNConfig) -> None:
        assert isinstance(ticket.job, DrawJob)
        self.ticket, self.job, self.config = ticket, ticket.job, config
        self.greedy = self.job.temperature < MIN_TEMPERATURE
        self.scale = GREEDY_SCALE if self.greedy else 1 / self.job.temperature
        self.top = np.zeros((config.height, config.width), np.uint8)
        for index, row in enumerate(self.job.top):
            self.top[index] = [int(pixel) for pixel in row]
        self.images: dict[int, DrawnImage] = {}
        self.slots = self.job.n
        self.score_count = self.job.n * config.height
        self.rows_drawn = 0

    @property
    def progress(self) -> float:
        return self.rows_drawn / (self.job.n * self.config.height)


class DrawLane(PausingLane):
    """Draws the next row of the images that have waited longest."""

    name = "draw"

    def __init__(self, runtime: PixelRuntime, outbox: Outbox) -> None:
        self._runtime, self._outbox = runtime, outbox
        self._queue: deque[Canvas] = deque()
        self._aside: dict[DrawTask, list[Canvas]] = {}

    @property
    def slots(self) -> int:
        return len(self._queue)

    @property
    def busy(self) -> bool:
        return bool(self._queue)

    @property
    def empty(self) -> bool:
        return not (self._queue or self._aside)

    @property
    def tasks(self) -> Collection[DrawTask]:
        return list(dict.fromkeys(canvas.task for canvas in self._queue))

    @property
    def aside(self) -> Collection[DrawTask]:
        return self._aside.keys()

    def set_aside(self, task: DrawTask) -> None:
        self._aside[task] = [canvas for canvas in self._queue if canvas.task is task]
        self._queue = deque(canvas for canvas in self._queue if canvas.task is not task)

    def bring_back(self, task: DrawTask) -> None:
        self._queue += self._aside.pop(task)

    def add(self, task: DrawTask) -> None:
        config = self._runtime.config
        self._queue += [Canvas(task, index, config, self._runtime.start(1)) for index in range(task.job.n)]

    def sweep(self) -> None:
        if any(canvas.task.ticket.closed for canvas in self._queue):
            self._queue = deque(canvas for canvas in self._queue if not canvas.task.ticket.closed)
        self._aside = {task: canvases for task, canvases in self._aside.items() if not task.ticket.closed}

    def step(self, _alone: bool, /) -> Work:
        batch = [self._queue.popleft() for _ in range(min(STEP_IMAGES, len(self._queue)))]
        work = Work(len(batch))
        for canvases, result in run_isolated(batch, self._draw):
            if isinstance(result, Exception):
                self._outbox.fail(canvases[0].task.ticket, result)
            else:
                pixels, logits, state = result
                for row, canvas in enumerate(canvases):
                    one = RowState(*(part[row : row + 1] for part in state))
                    self._add_row(canvas, pixels[row], logits[row], one, work)
        self._queue += [canvas for canvas in batch if not (canvas.whole or canvas.task.ticket.closed)]
        return work

    def _draw(self, canvases: Sequence[Canvas]) -> tuple[NDArray[np.uint8], NDArray[np.float64], RowState]:
        tasks = [canvas.task for canvas in canvases]
        rule = RowRule(
            uniform=np.stack([canvas.uniform() for canvas in canvases]),
            scale=np.array([task.scale for task in tasks]),
            known=np.array([canvas.row < len(canvas.task.job.top) for canvas in canvases]),
            pixels=np.stack([canvas.task.top[canvas.row] for canvas in canvases]),
            guidance=np.array([task.job.guidance for task in tasks]),
        )
        state = RowState(*(np.concatenate(parts) for parts in zip(*(canvas.state for canvas in canvases), strict=True)))
        subjects = np.array([task.job.subject for task in tasks])
        return self._runtime.draw_row(subjects, np.stack([canvas.window for canvas in canvases]), state, rule)

    def _add_row(
        self, canvas: Canvas, pixels: NDArray[np.uint8], logits: NDArray[np.float64], state: RowState, work: Work
    ) -> None:
        """Add a row (W,) to an image; post it, the image, or the result, where they are whole."""
        task, row = canvas.task, canvas.row
        canvas.pixels[canvas.above + row] = pixels
        canvas.state, canvas.row = state, row + 1
        canvas.logprob -= float(np.logaddexp(0, np.where(pixels, -logits, logits)).sum())
        task.rows_drawn += 1
        work.generation_tokens += len(pixels)
        if task.rows_drawn == 1:
            work.started.append(task.ticket)
        if task.job.stream:
            probabilities = (1 / (1 + np.exp(-np.clip(logits, -500, 500)))).tolist()
            self._outbox.post(task.ticket, RowEvent(canvas.index, row, _text(pixels), tuple(probabilities)))
        if canvas.whole:
            task.images[canvas.index] = DrawnImage(canvas.rows(), canvas.logprob)
            if len(task.images) == task.job.n:
                self._finish(task, work)

    def _finish(self, task: DrawTask, work: Work) -> None:
        config = self._runtime.config
        drawn = task.job.n * (config.height - len(task.job.top)) * config.width
        images = tuple(task.images[index] for index in range(task.job.n))
        work.finished.append((task.ticket, drawn))
        self._outbox.finish(task.ticket, Drawing(images, task.job.prompt_tokens, drawn))


def _text(row: NDArray[np.uint8]) -> str:
    return "".join(map(str, row.tolist()))
