"""Measuring a model on data sets, for metrics.json and for `carousel-train evaluate` alike."""

from collections.abc import Sequence
from typing import Any

from models.checkpoint import Model
from models.classifier import Classifier
from models.errors import DataError
from models.language_model import LanguageModel
from models.tokenizer import Tokenizer
from models.training.metrics import evaluate_classifier, evaluate_language, evaluate_ngram, evaluate_translator
from models.training.ngram import KneserNey
from models.training.sources import Source


def evaluate_sources(
    model: Model, tokenizer: Tokenizer, sources: Sequence[Source], baseline: Sequence[Source] = ()
) -> dict[str, Any]:
    """Scores of the model on each source: the content of metrics.json.

    Beside the scores in float32 stand those in int8, on a CPU. With sources for a
    baseline, a Kneser-Ney 3-gram over the model's tokens is counted on them and measured beside a
    language model. Raises DataError for data that can't be read or that has
    labels unknown to the model.
    """
    evaluations = []
    ngram = _count(tokenizer, baseline) if baseline and isinstance(model, LanguageModel) else None
    for source in sources:
        rows = source.rows()
        scores = evaluate_rows(model, tokenizer, rows, source.name)
        if next(model.parameters()).device.type == "cpu":
            scores["int8"] = evaluate_rows(model, tokenizer, rows, source.name, "int8")
        if ngram:
            scores |= evaluate_ngram(ngram, tokenizer, [text for (text,) in rows])
        evaluations.append({"data": source.describe(), "scores": scores})
    return {"evaluations": evaluations}


def _count(tokenizer: Tokenizer, sources: Sequence[Source]) -> KneserNey:
    documents = (tokenizer.encode(text) for source in sources for (text,) in source.rows())
    return KneserNey(documents, 3, tokenizer.size, tokenizer.end_id)


def evaluate_rows(
    model: Model, tokenizer: Tokenizer, rows: Sequence[tuple[str, ...]], name: str, precision: str = "float32"
) -> dict[str, Any]:
    """Scores on rows: texts; texts and labels; or pairs, first language first."""
    if isinstance(model, LanguageModel):
        return evaluate_language(model, tokenizer, [text for (text,) in rows], precision=precision)
    if isinstance(model, Classifier):
        labels = [label.strip() for _, label in rows]
        unknown = sorted(set(labels) - set(model.config.labels))
        if unknown:
            raise DataError(f"{name}: label {unknown[0]!r} is none of the model's: {', '.join(model.config.labels)}")
        return evaluate_classifier(model, tokenizer, [text for text, _ in rows], labels, precision)
    first = model.config.languages[0]
    scores = {}
    for source, target in model.config.directions:
        pairs = [(left, right) if source == first else (right, left) for left, right in rows]
        scores[f"{source}-{target}"] = evaluate_translator(model, tokenizer, pairs, target, precision=precision)
    return scores
