"""Evaluation of a model on data sets, for metrics.json and for `carousel-train evaluate`."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from models.checkpoint import weights_bytes
from models.counted.ngram import Ngram
from models.decoding.word_pieces import Vocabulary
from models.errors import DataError
from models.kinds import kind_of
from models.model import Model
from models.runtime.build import choose_precision, has_int8
from models.runtime.counted import NgramLanguage
from models.runtime.interface import LanguageRuntime
from models.text.known_words import KnownWords
from models.text.tokenizers import Tokenizer
from trainer.data.corpus import usable
from trainer.data.files import Row
from trainer.data.sources import Source, all_rows
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.keyboard import evaluate_keyboard
from trainer.evaluation.language import evaluate_ngram, language_stream

MAX_BASELINE_CHARACTERS = 20_000_000  # of text that the baseline is counted on: its tables take fifty bytes for each
HEADLINES = ("perplexity_per_word", "accuracy", "loss", "bleu", "chrf2", "rouge1", "rouge2", "rougeL")


def evaluate_sources(
    model: Model,
    tokenizer: Tokenizer,
    sources: Sequence[Source],
    config: EvaluationConfig,
    baseline: Sequence[Source] = (),
    order: int = 3,
    max_baseline_characters: int = MAX_BASELINE_CHARACTERS,
    known: KnownWords | None = None,
) -> dict[str, Any]:
    """Scores of the model on each source: the content of metrics.json.

    On a CPU the headline scores in int8 are added to those in float32. With sources for a baseline, a Kneser-Ney
    n-gram model over a language model's tokens is counted on them and evaluated too, unless they have more than
    max_baseline_characters (0: no limit), because its tables might not fit in memory. known are the words of the
    model's training text, if its checkpoint has them.
    Raises DataError for data that can't be read or that has labels unknown to the model.
    """
    kind = kind_of(model)
    training = kind.load_training()
    evaluations = []
    compared = baseline and kind.task == "language" and not kind.counted
    ngram = _count(tokenizer, baseline, order, max_baseline_characters) if compared else None
    typists = _typists(model, tokenizer, ngram, order, known) if config.keyboard_texts else {}
    for source in sources:
        if training.evaluate_source:
            scores = training.evaluate_source(model, tokenizer, source, config)
            evaluations.append({"data": source.describe(), "scores": scores})
            continue
        rows = list(usable(source.rows(), kind.text_columns))
        if not rows:
            raise DataError(f"{source.name}: no row without a blank text")
        scores = training.evaluate(model, tokenizer, rows, source.name, config, "float32", known)
        if has_int8(model):
            scores["int8"] = _headlines(training.evaluate(model, tokenizer, rows, source.name, config, "int8", known))
        if ngram:
            measured = evaluate_ngram(ngram, tokenizer, [text for (text,) in rows])["perplexity_per_word"]
            scores[f"kneser_ney_{order}gram_perplexity_per_word"] = measured
        for name, typist in typists.items():
            texts = [text for (text,) in spaced(rows, config.keyboard_texts)]
            scores[name] = evaluate_keyboard(typist.runtime, typist.vocabulary, texts, config.resamples) | typist.size
        evaluations.append({"data": source.describe(), "scores": scores})
    return {"evaluations": evaluations}


def spaced(rows: Sequence[Row], count: int) -> list[Row]:
    """So many of the rows, as far apart as they are many."""
    count = min(count, len(rows))
    return [rows[index * len(rows) // count] for index in range(count)]


class Typist(NamedTuple):
    """What lists words on a keyboard; size has the numbers of its model, and the bytes that its checkpoint stores."""

    runtime: LanguageRuntime
    vocabulary: Vocabulary
    size: dict[str, int]


def _typists(
    model: Model, tokenizer: Tokenizer, ngram: Ngram | None, order: int, known: KnownWords | None
) -> dict[str, Typist]:
    """A language model as it is served, and the counted one beside it; none for other kinds of models."""
    kind = kind_of(model)
    if kind.task != "language":
        return {}
    device = next(iter([*model.parameters(), *model.buffers()])).device
    vocabulary = Vocabulary(tokenizer, known)
    runtime = kind.runtime(model, choose_precision("auto", device), 0)
    typists = {"keyboard": Typist(runtime, vocabulary, _size(model))}
    if ngram:
        typists[f"kneser_ney_{order}gram_keyboard"] = Typist(NgramLanguage(ngram), vocabulary, _size(ngram))
    return typists


def _size(model: Model) -> dict[str, int]:
    numbers = sum(values.numel() for values in [*model.parameters(), *model.buffers()])
    return {"parameters": numbers, "weights_bytes": weights_bytes(model)}


def _headlines(scores: dict[str, Any]) -> dict[str, Any]:
    """Only the headline scores."""
    return {
        name: _headlines(value) if isinstance(value, dict) else value
        for name, value in scores.items()
        if name in HEADLINES or (isinstance(value, dict) and {"bleu", "accuracy"} & value.keys())
    }


def _count(tokenizer: Tokenizer, sources: Sequence[Source], order: int, max_characters: int) -> Ngram | None:
    texts = []
    size = 0
    for (text,) in all_rows(sources):
        texts.append(text)
        size += len(text)
        if 0 < max_characters < size:
            return None
    stream = language_stream(tokenizer, texts).numpy()
    return Ngram.count(stream, order, tokenizer.size, tokenizer.end_id)
