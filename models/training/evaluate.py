"""Measuring a model on data sets, for metrics.json and for `carousel-train evaluate` alike."""

from collections.abc import Sequence
from typing import Any

from models.checkpoint import Model
from models.classifier import Classifier
from models.errors import DataError
from models.language_model import LanguageModel
from models.tokenizer import Tokenizer
from models.training.metrics import evaluate_classifier, evaluate_language, evaluate_translator
from models.training.sources import Source


def evaluate_sources(model: Model, tokenizer: Tokenizer, sources: Sequence[Source]) -> dict[str, Any]:
    """Scores of the model on each source: the content of metrics.json.

    Raises DataError for data that can't be read or that has labels unknown to the model.
    """
    return {
        "evaluations": [
            {"data": source.describe(), "scores": evaluate_rows(model, tokenizer, source.rows(), source.name)}
            for source in sources
        ]
    }


def evaluate_rows(model: Model, tokenizer: Tokenizer, rows: Sequence[tuple[str, ...]], name: str) -> dict[str, Any]:
    """Scores on rows: texts; texts and labels; or pairs, first language first."""
    if isinstance(model, LanguageModel):
        return evaluate_language(model, tokenizer, [text for (text,) in rows])
    if isinstance(model, Classifier):
        labels = [label for _, label in rows]
        unknown = sorted(set(labels) - set(model.config.labels))
        if unknown:
            raise DataError(f"{name}: label {unknown[0]!r} is none of the model's: {', '.join(model.config.labels)}")
        return evaluate_classifier(model, tokenizer, [text for text, _ in rows], labels)
    first = model.config.languages[0]
    scores = {}
    for source, target in model.config.directions:
        pairs = [(left, right) if source == first else (right, left) for left, right in rows]
        scores[f"{source}-{target}"] = evaluate_translator(model, tokenizer, pairs, target)
    return scores
