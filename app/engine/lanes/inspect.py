"""Inspection of a recurrent layer: its gates and states over a text."""

from collections import deque

import torch
from torch import Tensor

from app.catalog.registry import Served
from app.engine.jobs import Connectivity, Inspection, InspectJob, Unit
from app.engine.lanes.lane import Lane, Work
from app.engine.outbox import Outbox
from app.engine.ticket import Ticket
from app.errors import InvalidRequest, NoModel
from models.connectivity import connectivity
from models.gates import SERIES, CellStates, Gates, compute_states, directions, separation
from models.networks.classifier import Classifier
from models.networks.language_model import LanguageModel
from models.text.tokenizers import Token


class InspectTask:
    """An InspectJob with its text as tokens.

    Raises NoModel where a layer, direction, unit or token does not exist, and InvalidRequest where spans mark no token
    or all.
    """

    def __init__(self, ticket: Ticket, served: Served) -> None:
        assert isinstance(ticket.job, InspectJob)
        model = served.checkpoint.model
        assert isinstance(model, LanguageModel | Classifier)
        self.ticket, self.job, self.model = ticket, ticket.job, model
        layers, hidden = model.config.layers, model.config.hidden
        self.layer = layers - 1 if self.job.layer is None else self.job.layer
        if self.layer >= layers:
            raise NoModel(f"the model's layers are 0 to {layers - 1}", "layer")
        if self.job.direction not in directions(model):
            raise NoModel(f"the model reads {' and '.join(directions(model))} only", "direction")
        if any(unit >= hidden for unit in self.job.units):
            raise NoModel(f"the units of a layer are 0 to {hidden - 1}", "units")
        self.tokens = tuple(served.tokenizer.tokens(self.job.text))
        self._check_connectivity()
        self.marked = self._marked_tokens()
        ids = [token.id for token in self.tokens]
        # a language model reads an end token before every text; a classifier reads one instead of an empty text
        self.skipped = 1 if isinstance(model, LanguageModel) or not ids else 0
        self.ids = [served.tokenizer.end_id] * self.skipped + ids
        self.slots = 1
        units = len(self.job.units) or min(self.job.top, hidden)
        norms = 0 if self.job.connectivity is None else 1
        self.score_count = len(self.tokens) * (1 + norms + len(SERIES[model.config.cell]) * units)

    def _check_connectivity(self) -> None:
        """Raise NoModel where the job's connectivity is of no token that the model predicts."""
        if self.job.connectivity is None:
            return
        if not isinstance(self.model, LanguageModel):
            raise NoModel("only a language model predicts tokens", "connectivity")
        if self.job.connectivity >= len(self.tokens):
            raise NoModel(f"the text has {len(self.tokens)} tokens, counted from 0", "connectivity")

    def _marked_tokens(self) -> tuple[int, ...]:
        """The indices of the tokens that the job marks."""
        if not self.job.marked:
            return ()
        touched = [_is_touched(token, self.job.text, self.job.marked) for token in self.tokens]
        if all(touched) or not any(touched):
            found = "all" if any(touched) else "none"
            raise InvalidRequest(f"some tokens must be marked and some not; of {len(touched)}, {found} are", "marked")
        return tuple(index for index, is_marked in enumerate(touched) if is_marked)

    @property
    def progress(self) -> float:
        """Whether it is done, as 0 or 1."""
        return float(self.ticket.closed)

    def result(self) -> Inspection:
        """Read the text, and select the requested units, or those that are to be found."""
        states = compute_states(self.model, self.ids, self.layer, self.job.direction)
        change = states.change[self.skipped :]  # (T, H)
        total = change.sum(dim=0)
        scores = self._scores(states)
        rank = states.rank(self.job.find, self.skipped) if scores is None else scores
        units = self.job.units or tuple(rank.topk(min(self.job.top, rank.numel())).indices.tolist())
        return Inspection(
            tokens=self.tokens,
            layer=self.layer,
            layers=self.model.config.layers,
            hidden=self.model.config.hidden,
            directions=directions(self.model),
            change=_numbers(change.mean(dim=1)),
            units=tuple(self._unit(states, total, scores, unit) for unit in units),
            cells=self.model.config.cell,
            connectivity=self._connectivity(),
            marked=self.marked,
        )

    def _scores(self, states: CellStates) -> Tensor | None:
        """(H,): how well each unit separates the marked tokens; None where none are."""
        if not self.marked:
            return None
        is_marked = torch.zeros(len(self.tokens), dtype=torch.bool, device=states.hidden.device)
        is_marked[list(self.marked)] = True
        series = states.cell if isinstance(states, Gates) and self.job.find == "cell" else states.hidden  # (T, H)
        return separation(series[self.skipped :], is_marked)

    def _unit(self, states: CellStates, total: Tensor, scores: Tensor | None, unit: int) -> Unit:
        series = {name: _numbers(getattr(states, name)[self.skipped :, unit]) for name in states.series}
        # only forward is the end token read first: backward, and in a classifier, the text is read from the zero state
        begun = self.skipped and self.job.direction == "forward"
        start: dict[str, float] = {
            name: float(getattr(states, name)[self.skipped - 1, unit]) if begun else 0.0
            for name in ("cell", "hidden")
            if name in states.series
        }
        score = None if scores is None else float(scores[unit])
        return Unit(unit=unit, change=float(total[unit]), series=series, start=start, score=score)

    def _connectivity(self) -> Connectivity | None:
        if self.job.connectivity is None:
            return None
        assert isinstance(self.model, LanguageModel)
        logprob, norms = connectivity(self.model, self.ids, self.job.connectivity + self.skipped)
        return Connectivity(self.job.connectivity, logprob, _numbers(norms[self.skipped :]))


class InspectLane(Lane):
    """Runs InspectTasks, one a step."""

    name = "inspect"

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._tasks: deque[InspectTask] = deque()

    @property
    def slots(self) -> int:
        return len(self._tasks)

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    def add(self, task: InspectTask) -> None:
        self._tasks.append(task)

    def sweep(self) -> None:
        self._tasks = deque(task for task in self._tasks if not task.ticket.closed)

    def step(self, _alone: bool, /) -> Work:
        task = self._tasks.popleft()
        try:
            self._outbox.finish(task.ticket, task.result())
        except Exception as error:
            self._outbox.fail(task.ticket, error)
        return Work(1, prompt_tokens=len(task.ids))


def _is_touched(token: Token, text: str, spans: tuple[tuple[int, int], ...]) -> bool:
    """Whether spans have a character of a token; of one that is not white space only, one that is not white space."""
    start, end = token.start, token.end
    piece = text[start:end]
    if piece.strip():  # a token begins with the space before its word, which belongs to the word before as much
        start, end = start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
    return any(max(start, first) < min(end, last) for first, last in spans)


def _numbers(values: Tensor) -> tuple[float, ...]:
    return tuple(values.tolist())
