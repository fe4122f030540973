"""What servers A and B use of this project: checkpoints as float32 modules, and two searches.

A tutorial would not write the search for next words or the beam search itself, so it gets ours, on the float32 modules.
"""

import os
from pathlib import Path

import torch
from torch import Tensor

from models import checkpoint
from models.batch import pad
from models.checkpoint import Checkpoint
from models.decoding.beam_search import SearchConfig, source_ids, translate
from models.decoding.next_words import Query, WordSearch, run, score_queries
from models.decoding.word_pieces import Vocabulary
from models.device import choose_device
from models.networks.classifier import Classifier
from models.networks.language_model import LanguageModel
from models.networks.recurrent import RecurrentState
from models.networks.translator import Translator
from models.runtime.float import FloatLanguage, FloatTranslator
from models.text.tokenizers import Tokenizer


def load(directory: Path) -> Checkpoint:
    """A checkpoint in float32, on the device that CAROUSEL_DEVICE names, as for Carousel."""
    return checkpoint.load(directory, choose_device(os.environ.get("CAROUSEL_DEVICE", "auto")))


def language(loaded: Checkpoint) -> tuple[LanguageModel, Tokenizer]:
    assert isinstance(loaded.model, LanguageModel)
    return loaded.model, loaded.tokenizer


def prefill(loaded: Checkpoint, text: str) -> tuple[Tensor, RecurrentState]:
    """The logits (V,) after a text, and the state."""
    model, tokenizer = language(loaded)
    ids = torch.tensor([[tokenizer.end_id, *tokenizer.encode(text)]], device=model.bias.device)  # (1, T)
    logits, state = model(ids)  # (1, T, V)
    return logits[0, -1], state


def class_scores(loaded: Checkpoint, text: str) -> dict[str, float]:
    """Each label's probability."""
    model = loaded.model
    assert isinstance(model, Classifier)
    batch = pad([loaded.tokenizer.encode(text) or [loaded.tokenizer.end_id]]).to(model.head.weight.device)
    probabilities = torch.softmax(model(batch.ids, batch.lengths)[0], dim=-1).tolist()  # (C,)
    return dict(zip(model.config.labels, probabilities, strict=True))


class NextWords:
    """The likeliest next words after a text."""

    def __init__(self, loaded: Checkpoint) -> None:
        model, self.tokenizer = language(loaded)
        self.runtime = FloatLanguage(model)
        self.vocabulary = Vocabulary(self.tokenizer)

    def __call__(self, text: str, top: int) -> list[tuple[str, float]]:
        *context, last = (self.tokenizer.end_id, *self.tokenizer.encode(text))
        state = self.runtime.start(1)
        if context:
            state = self.runtime.prefill([torch.tensor(context)], state)
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
