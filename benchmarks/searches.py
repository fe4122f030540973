"""The two searches that a tutorial would not write itself: this project's own, on the float32 modules.

All that server A takes from `models.decoding.next_words`, `models.decoding.beam_search` and `models.runtime` is here.
"""

import torch

from benchmarks import reference
from models.checkpoint import Checkpoint
from models.decoding.beam_search import SearchConfig, source_ids, translate
from models.decoding.next_words import Query, WordSearch, run, score_queries
from models.decoding.word_pieces import Vocabulary
from models.networks.translator import Translator
from models.runtime.float import FloatLanguage, FloatTranslator


class NextWords:
    """The likeliest next words after a text."""

    def __init__(self, loaded: Checkpoint) -> None:
        model, self.tokenizer = reference.language(loaded)
        self.runtime = FloatLanguage(model)
        self.vocabulary = Vocabulary(self.tokenizer)

    def __call__(self, text: str, top: int) -> list[tuple[str, float]]:
        *read, last = (self.tokenizer.end_id, *self.tokenizer.encode(text))
        state = self.runtime.start(1)
        if read:
            state = self.runtime.prefill([torch.tensor(read)], state)
        scores = score_queries(self.runtime, self.vocabulary, [Query(state, 0, last)])
        search = WordSearch(self.vocabulary, scores.probabilities[0], scores.state, 0, top, "")
        run(self.runtime, self.vocabulary, search)
        return search.result().words


def translation(loaded: Checkpoint, sentence: str, target: str, beam_size: int) -> str:
    """The best translation of one sentence."""
    model, tokenizer = loaded.model, loaded.tokenizer
    assert isinstance(model, Translator)
    source = source_ids(model, tokenizer, sentence, target)
    best = translate(FloatTranslator(model), [source], tokenizer.end_id, SearchConfig(beam_size))[0][0]
    return tokenizer.decode(best.ids)
