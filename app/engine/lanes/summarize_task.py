"""A summarization job as beams, one for each text, and its result."""

from app.engine.jobs import SummarizedWord, SummarizeJob, Summary
from app.engine.ticket import Ticket
from models.decoding.beam_search import Beam
from models.decoding.summaries import copied_words, shown_summary, summary_search
from models.networks.summarizer import Summarizer
from models.text.tokenizers import Tokenizer


class SummarizeTask:
    """A SummarizeJob as beams; the lanes of translation run it."""

    def __init__(self, ticket: Ticket, model: Summarizer, tokenizer: Tokenizer) -> None:
        assert isinstance(ticket.job, SummarizeJob)
        self.ticket, self.job, self._model, self._tokenizer = ticket, ticket.job, model, tokenizer
        search = summary_search(self.job.beam_size, self.job.max_new_tokens, self.job.length_penalty)
        # all tokens, with their spans, are found here, outside of the engine's thread
        self._tokens = [tokenizer.tokens(text) for text in self.job.texts]
        sources = [model.source_of([token.id for token in tokens], tokenizer.end_id) for tokens in self._tokens]
        self._beams = [Beam(source, search) for source in sources]
        self.slots = self.job.beam_size
        self.score_count = len(self._beams) * self.job.max_new_tokens if self.job.words else 0

    def start(self) -> list[Beam]:
        """The beams to search first: all."""
        return self._beams

    def end(self, _: Beam) -> list[Beam]:
        """The beams to search now that one is done: none."""
        return []

    @property
    def progress(self) -> float:
        """The share of its texts that are summarized, of 1."""
        return sum(beam.done for beam in self._beams) / max(1, len(self._beams))

    @property
    def done(self) -> bool:
        return all(beam.done for beam in self._beams)

    def result(self) -> list[Summary]:
        return [self._summary(index) for index in range(len(self._beams))]

    def _summary(self, index: int) -> Summary:
        beam, tokens = self._beams[index], self._tokens[index]
        best, read = beam.results()[0], tokens[: self._model.config.source_tokens]
        words = copied_words(self._model, beam.source, read, best.ids, self._tokenizer) if self.job.words else ()
        return Summary(
            shown_summary(self._model, self._tokenizer, best),
            best.score,
            read_characters=read[-1].end if len(read) < len(tokens) else len(self.job.texts[index]),
            finished=best.finished,
            words=tuple(SummarizedWord(word.start, word.end, word.copied, word.source) for word in words),
        )
