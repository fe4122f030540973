"""Next-word search: in each step, the queries of all running searches are one batch for the model."""

from collections import deque
from collections.abc import Sequence

from app.catalog.registry import Served
from app.engine.jobs import Prediction, PredictJob
from app.engine.lanes.lane import Lane, Work, run_isolated
from app.engine.outbox import Outbox
from app.engine.prompt import Prompt
from app.engine.snapshot import Snapshot
from app.engine.ticket import Ticket
from models.decoding.next_words import Query, Scores, Search, SpellingSearch, WordSearch, score_queries
from models.decoding.slip_search import SlipSearch
from models.decoding.slips import Slips
from models.decoding.word_pieces import Vocabulary
from models.runtime.interface import LanguageRuntime
from models.runtime.state import State
from models.text.tokenizers import lower

MAX_LETTERS = 40
"""More letters of a word are taken as they were typed."""
MAX_ROWS = 256
"""Rows of a step, of all tasks together."""


class PredictTask:
    """A PredictJob: the first query is for the probabilities after its prompt, the next ones are those of searches."""

    def __init__(self, ticket: Ticket, served: Served) -> None:
        assert isinstance(ticket.job, PredictJob)
        self.ticket, self.job, self._served = ticket, ticket.job, served
        self.prompt = Prompt(served.tokenizer, self.job.text, self.job.snapshot, self.job.partial)
        self.slots, self.score_count = 1, 0
        self._prompt_state: State | None = None
        self._snapshot: Snapshot | None = None
        self._result: Sequence[tuple[str, float]] | None = None
        self._words: WordSearch | None = None
        self._slips: Slips | None = None
        self._spelling: SpellingSearch | None = None
        self._candidates: list[str] = []
        self._end: float | None = None

    @property
    def progress(self) -> float:
        """Whether it is done, as 0 or 1."""
        return float(self._result is not None)

    def start(self, state: State, boundary_state: State) -> None:
        """Take the states that `PrefillLane.add` passes on."""
        if self.job.return_snapshot:
            self._snapshot = self.prompt.take_snapshot(self._served, boundary_state)
        self._prompt_state = state

    def queries(self) -> list[Query]:
        """The next queries; none when the task is done."""
        if self._prompt_state is not None:
            return [Query(self._prompt_state, 0, self.prompt.ids[-1])]
        return [query for search in self._searches() for query in search.queries()]

    def update(self, scores: Scores, vocabulary: Vocabulary) -> None:
        """Continue with the scores of the last queries."""
        if self._prompt_state is not None:
            self._prompt_state = None
            self._begin(scores, vocabulary)
            return
        begin = 0
        for search in self._searches():
            end = begin + search.query_count
            search.update(scores.rows(begin, end))
            begin = end

    def result(self) -> Prediction:
        if self._result is None:
            self._result = self._search_result()
        other = max(0.0, 1.0 - sum(probability for _, probability in self._result))
        meant = tuple(self._slips.meant(word) for word, _ in self._result) if self._slips else ()
        return Prediction(tuple(self._result), other, self._end, self._snapshot, meant)

    def _searches(self) -> list[Search]:
        return [search for search in (self._words, self._spelling) if search is not None]

    def _begin(self, scores: Scores, vocabulary: Vocabulary) -> None:
        job, tokenizer, probabilities = self.job, vocabulary.tokenizer, scores.probabilities[0]
        if job.unit == "token":
            values, ids = probabilities.topk(min(job.top, probabilities.numel()))
            names = [tokenizer.surface(token).decode("utf-8", errors="replace") for token in ids.tolist()]
            self._result = list(zip(names, values.tolist(), strict=True))
            return
        if job.candidates:
            unique = {tuple(tokenizer.encode(word)): word for word in reversed(job.candidates)}
            self._candidates = list(unique.values())
            self._spelling = SpellingSearch(vocabulary, probabilities, scores.state, scores.first, self._candidates)
        prefix = self.prompt.prefix
        if not prefix:
            self._end = float(probabilities[tokenizer.end_id])
        count = 1 if job.candidates else job.top
        if job.layout and 0 < len(prefix) <= MAX_LETTERS:
            language = next(iter(self._served.languages), "en")
            self._slips = Slips(lower(prefix, tokenizer.lowercase), job.layout, language, job.whole_word)
            self._words = SlipSearch(vocabulary, probabilities, scores.state, scores.first, count, self._slips)
        elif prefix or not job.candidates:
            self._words = WordSearch(vocabulary, probabilities, scores.state, scores.first, count, prefix)

    def _search_result(self) -> Sequence[tuple[str, float]]:
        if self._spelling is None:
            assert self._words
            return self._words.result().words
        # where no word begins with the prefix, there is nothing to condition on
        total = (self._words.result().total if self._words else 1.0) or 1.0
        scored = [
            (word, min(probability / total, 1.0) if word.startswith(self.prompt.prefix) else 0.0)
            for word, probability in zip(self._candidates, self._spelling.probabilities, strict=True)
        ]
        return sorted(scored, key=lambda item: -item[1])


class NextWordsLane(Lane):
    """Runs PredictTasks round by round: each step those that have waited longest, as many as fit."""

    name = "next_words"

    def __init__(self, runtime: LanguageRuntime, vocabulary: Vocabulary, outbox: Outbox) -> None:
        self._runtime, self._vocabulary, self._outbox = runtime, vocabulary, outbox
        self._tasks: deque[tuple[PredictTask, list[Query]]] = deque()

    @property
    def slots(self) -> int:
        return len(self._tasks)

    @property
    def tasks(self) -> list[PredictTask]:
        return [task for task, _ in self._tasks]

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    def join(self, task: PredictTask, state: State, boundary_state: State) -> None:
        """Add a task whose prompt has been read."""
        task.start(state, boundary_state)
        self._tasks.append((task, task.queries()))

    def sweep(self) -> None:
        self._tasks = deque(entry for entry in self._tasks if not entry[0].ticket.closed)

    def step(self, _alone: bool, /) -> Work:
        batch = [self._tasks.popleft()]
        rows = len(batch[0][1])
        while self._tasks and rows + len(self._tasks[0][1]) <= MAX_ROWS:
            rows += len(self._tasks[0][1])
            batch.append(self._tasks.popleft())
        for entries, result in run_isolated(batch, self._score):
            begin = 0
            for task, queries in entries:
                if isinstance(result, Exception):
                    self._outbox.fail(task.ticket, result)
                    continue
                self._advance(task, result.rows(begin, begin + len(queries)))
                begin += len(queries)
        return Work(rows, prompt_tokens=rows)

    def _score(self, entries: Sequence[tuple[PredictTask, list[Query]]]) -> Scores:
        pairs = [(query, task.job.temperature) for task, queries in entries for query in queries]
        queries, temperatures = zip(*pairs, strict=True)
        return score_queries(self._runtime, self._vocabulary, queries, temperatures)

    def _advance(self, task: PredictTask, scores: Scores) -> None:
        try:
            task.update(scores, self._vocabulary)
            queries = task.queries()
            if queries:
                self._tasks.append((task, queries))
            else:
                self._outbox.finish(task.ticket, task.result())
        except Exception as error:
            self._outbox.fail(task.ticket, error)
