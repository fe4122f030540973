"""The lane of questions about the next word: all searches that run ask the model together, a round a turn."""

from collections import deque
from collections.abc import Sequence

from app.catalog.registry import Served
from app.engine.jobs import Prediction, PredictJob
from app.engine.scheduler import Lane, Work, isolated
from app.engine.snapshot import Prompt, Snapshot
from app.engine.ticket import Outbox, Ticket
from models.decoding.next_words import Query, Scores, Search, SpellingSearch, WordSearch, score_queries
from models.decoding.word_pieces import Vocabulary
from models.runtime.interface import LanguageRuntime
from models.runtime.state import State

ROWS = 256
"""How many rows a turn steps, at most, whoever's they are."""


class PredictTask:
    """A PredictJob: its prompt is read, the probabilities after it are asked for, and words are searched with them."""

    def __init__(self, ticket: Ticket, served: Served) -> None:
        assert isinstance(ticket.job, PredictJob)
        self.ticket, self.job, self._served = ticket, ticket.job, served
        self.prompt = Prompt(served.tokenizer, self.job.text, self.job.before, self.job.partial)
        self._prefix = self.prompt.prefix
        self._after: Snapshot | None = None
        self.slots = 1
        self._state: State | None = None
        self._found: Sequence[tuple[str, float]] | None = None
        self._words: WordSearch | None = None
        self._spelling: SpellingSearch | None = None
        self._candidates: list[str] = []

    def start(self, state: State, marked: State) -> None:
        """Take the states that `PrefillLane.add` passes on."""
        if self.job.remember:
            self._after = self.prompt.snapshot(self._served, marked)
        self._state = state

    def queries(self) -> list[Query]:
        """What to read next; nothing when it is done."""
        if self._state is not None:
            return [Query(self._state, 0, self.prompt.ids[-1])]
        return [query for search in self._searches() for query in search.queries()]

    def take(self, scores: Scores, vocabulary: Vocabulary) -> None:
        """Go on with the scores to the last queries."""
        if self._state is not None:
            self._state = None
            self._begin(scores, vocabulary)
            return
        begin = 0
        for search in self._searches():
            end = begin + search.query_count
            search.update(scores.rows(begin, end))
            begin = end

    def result(self) -> Prediction:
        if self._found is None:
            self._found = self._listed()
        other = max(0.0, 1.0 - sum(probability for _, probability in self._found))
        return Prediction(tuple(self._found), other, self._after)

    def _searches(self) -> list[Search]:
        return [search for search in (self._words, self._spelling) if search is not None]

    def _begin(self, scores: Scores, vocabulary: Vocabulary) -> None:
        job, tokenizer, after = self.job, vocabulary.tokenizer, scores.probabilities[0]
        if job.unit == "token":
            values, ids = after.topk(min(job.top, after.numel()))
            names = [tokenizer.surface(index).decode("utf-8", errors="replace") for index in ids.tolist()]
            self._found = list(zip(names, values.tolist(), strict=True))
            return
        if job.candidates:
            different = {tuple(tokenizer.encode(word)): word for word in reversed(job.candidates)}
            self._candidates = list(different.values())
            self._spelling = SpellingSearch(vocabulary, after, scores.state, scores.first, self._candidates)
        if self._prefix or not job.candidates:
            listed = 1 if job.candidates else job.top
            self._words = WordSearch(vocabulary, after, scores.state, scores.first, listed, self._prefix)

    def _listed(self) -> Sequence[tuple[str, float]]:
        if self._spelling is None:
            assert self._words
            return self._words.result().words
        # the prefix is certain where no word can be found that begins with it
        total = (self._words.result().total if self._words else 1.0) or 1.0
        scored = [
            (word, min(probability / total, 1.0) if word.startswith(self._prefix) else 0.0)
            for word, probability in zip(self._candidates, self._spelling.probabilities, strict=True)
        ]
        return sorted(scored, key=lambda item: -item[1])


class WordsLane(Lane):
    """Answers PredictTasks, each turn those that have waited longest, as many as fit."""

    name = "words"

    def __init__(self, runtime: LanguageRuntime, vocabulary: Vocabulary, outbox: Outbox) -> None:
        self._runtime, self._vocabulary, self._outbox = runtime, vocabulary, outbox
        self._tasks: deque[tuple[PredictTask, list[Query]]] = deque()

    @property
    def slots(self) -> int:
        return len(self._tasks)

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    def join(self, task: PredictTask, state: State, marked: State) -> None:
        """Take a task whose prompt has been read."""
        task.start(state, marked)
        self._tasks.append((task, task.queries()))

    def sweep(self) -> None:
        self._tasks = deque(entry for entry in self._tasks if not entry[0].ticket.gone)

    def step(self, _alone: bool, /) -> Work:
        chosen = [self._tasks.popleft()]
        rows = len(chosen[0][1])
        while self._tasks and rows + len(self._tasks[0][1]) <= ROWS:
            rows += len(self._tasks[0][1])
            chosen.append(self._tasks.popleft())
        for entries, result in isolated(chosen, self._ask):
            begin = 0
            for task, queries in entries:
                if isinstance(result, Exception):
                    self._outbox.fail(task.ticket, result)
                    continue
                self._go_on(task, result.rows(begin, begin + len(queries)))
                begin += len(queries)
        return Work(rows, read=rows)

    def _ask(self, entries: Sequence[tuple[PredictTask, list[Query]]]) -> Scores:
        asked = [(query, task.job.temperature) for task, queries in entries for query in queries]
        queries, temperatures = zip(*asked, strict=True)
        return score_queries(self._runtime, self._vocabulary, queries, temperatures)

    def _go_on(self, task: PredictTask, scores: Scores) -> None:
        try:
            task.take(scores, self._vocabulary)
            queries = task.queries()
            if queries:
                self._tasks.append((task, queries))
            else:
                self._outbox.finish(task.ticket, task.result())
        except Exception as error:
            self._outbox.fail(task.ticket, error)
