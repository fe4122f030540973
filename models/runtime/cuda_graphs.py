"""Steps as CUDA graphs: on a GPU, launching a step's many small kernels takes longer than running them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.runtime.float import FloatLanguage
from models.runtime.interface import SampleByStep
from models.runtime.state import State

Work = Callable[[], None]
LARGEST_BATCH = 256
WARM_UPS = 3
"""Runs before capture: libraries initialize lazily in the first ones, which can't be captured."""


@dataclass(frozen=True)
class _Graph:
    """A step over buffers at fixed addresses: replay reads ids and before, and writes logits and after."""

    ids: Tensor
    before: State
    logits: Tensor
    after: State
    replay: Work


class GraphedLanguage(SampleByStep):
    """A FloatLanguage on a GPU, whose steps are captured once for each batch size of 1, 2, 4, ..., LARGEST_BATCH.

    A batch is padded to the next of these. Larger batches, and all where capturing fails, run without a graph.
    """

    exact = False
    has_zeros = False

    def __init__(self, plain: FloatLanguage, capture: Callable[[Work], Work] | None = None) -> None:
        """capture turns work into a function that replays it: CUDA's by default; tests pass another."""
        self._plain = plain
        self._capture_work = capture or cuda_graph
        self._graphs: dict[int, _Graph] = {}
        self._captures = True
        self.precision, self.device, self.vocabulary = plain.precision, plain.device, plain.vocabulary

    def start(self, rows: int) -> State:
        return self._plain.start(rows)

    def prefill(self, texts: Sequence[Tensor], state: State) -> State:
        return self._plain.prefill(texts, state)

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        rows = len(state)
        graph = self._graph(1 << (rows - 1).bit_length()) if rows <= LARGEST_BATCH else None
        if graph is None:
            return self._plain.step(ids, state)
        graph.ids[:rows].copy_(ids)
        for buffer, tensor in zip(graph.before.tensors, state.tensors, strict=True):
            buffer[:rows].copy_(tensor)
        graph.replay()
        # copies: the next replay overwrites the buffers
        return graph.logits[:rows].clone(), State(tuple(tensor[:rows].clone() for tensor in graph.after.tensors))

    def _graph(self, rows: int) -> _Graph | None:
        """The graph of a batch size, captured when it is first needed; None where capturing fails."""
        if rows not in self._graphs and self._captures:
            try:
                self._graphs[rows] = self._capture(rows)
            except RuntimeError:  # CUDA errors are RuntimeErrors
                self._captures = False
        return self._graphs.get(rows)

    def _capture(self, rows: int) -> _Graph:
        ids = torch.zeros(rows, dtype=torch.int64, device=self.device)
        before = State(tuple(tensor.clone() for tensor in self._plain.start(rows).tensors))
        first_logits, first = self._plain.step(ids, before)
        logits, after = first_logits.clone(), State(tuple(tensor.clone() for tensor in first.tensors))

        def work() -> None:
            step_logits, state = self._plain.step(ids, before)
            logits.copy_(step_logits)
            for buffer, tensor in zip(after.tensors, state.tensors, strict=True):
                buffer.copy_(tensor)

        return _Graph(ids, before, logits, after, self._capture_work(work))


def cuda_graph(work: Work) -> Work:
    """Capture work that reads and writes fixed buffers only, after WARM_UPS runs."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UPS):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    replay: Work = graph.replay
    return replay
