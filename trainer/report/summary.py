"""What a run ends with: a line on the model, and a word where something simpler would be better."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from models.checkpoint import Checkpoint
from models.kinds import kind_named
from trainer.report.card import INFINITE

MORE = "more training data helps most (docs/training.md says how much is needed)"

ROUGE = {"ROUGE-1": "rouge1", "ROUGE-2": "rouge2", "ROUGE-L": "rougeL"}


def result_line(loaded: Checkpoint, output: Path) -> str:
    """One line: where the checkpoint is, its scores, and how long it took."""
    scores = "; ".join(
        f"{_headline(loaded.kind, evaluation['scores'])} on {evaluation['data']['name']}"
        for evaluation in loaded.metrics["evaluations"]
    )
    return f"trained {output} in {duration(loaded.training['seconds'])}: {scores} (all scores: metrics.json there)"


def advice(loaded: Checkpoint) -> Iterator[str]:
    """What to do where a model is worse than something much simpler on its validation data."""
    if not loaded.metrics["evaluations"]:
        return
    scores, kind = loaded.metrics["evaluations"][0]["scores"], kind_named(loaded.kind)
    longer = ""
    best = [index for index, record in enumerate(loaded.log) if record["best"]]
    if best and best[-1] == len(loaded.log) - 1 and not kind.counted:
        epochs = 2 * loaded.training["settings"]["epochs"]
        longer = f", or train longer: its last score was its best (--set epochs={epochs})"
    if kind.task == "language" and not kind.counted:
        counted = _baseline(scores)
        if counted and scores["perplexity_per_word"] > counted[1]:
            yield (
                f"this model is worse than counting words: perplexity {scores['perplexity_per_word']:,.1f}, and "
                f"{counted[1]:,.1f} of counted n-grams; {MORE}{longer}; `carousel-train ngram` makes the counted model"
            )
    elif kind.task == "classifier":
        share = majority(scores)
        if share is not None and scores["accuracy"] <= share:
            yield (
                f"this model is no better than always answering the most frequent label: accuracy "
                f"{scores['accuracy']:.1%}, and {share:.1%} of the texts have that label; check that the labels are "
                f"right and {MORE}{longer}; `carousel-train bag` may do better"
            )
    elif kind.task == "translator":
        for direction, part in _directions(scores).items():
            copied = part.get("bleu_untranslated")
            if copied is not None and part["bleu"] <= copied:
                yield (
                    f"{direction}: this model is no better than texts that are left as they are: BLEU "
                    f"{part['bleu']:.1f}, and {copied:.1f} of the untranslated texts; {MORE}{longer}"
                )


def majority(scores: Mapping[str, Any]) -> float | None:
    """The share of the most frequent label among the texts that were scored; of even labels, that is chance."""
    rows = [sum(row) for row in scores.get("confusion", ())]
    return max(rows) / sum(rows) if sum(rows) else None


def duration(seconds: float) -> str:
    """Such as 45 s, 12 min or 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


_HEADLINES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "captioner": lambda scores: f"word accuracy {scores['word_accuracy']:.2%}",
    "recognizer": lambda scores: (
        f"accuracy {scores['accuracy']:.2%}, word error rate {scores['strings_of_three']['word_error_rate']:.2%} on "
        "strings of three"
    ),
    "speaker": lambda scores: (
        f"{scores['accuracy']:.2%} of words recognized, word error rate "
        f"{scores['strings_of_three']['word_error_rate']:.2%} on strings of three"
    ),
    "summarizer": lambda scores: ", ".join(f"{name} {scores[key]:.1f}" for name, key in ROUGE.items()),
    "image": lambda scores: f"{scores['nats']:.2f} nats per image",
}


def _headline(kind: str, scores: Mapping[str, Any]) -> str:
    known = kind_named(kind)
    if known.task == "language":
        counted = _baseline(scores)
        beside = f" (counted n-grams: {_perplexity(counted[1])})" if counted else ""
        return f"perplexity per word {_perplexity(scores['perplexity_per_word'])}{beside}"
    if known.task == "classifier":
        share = majority(scores)
        beside = "" if share is None else f" (the most frequent label: {share:.1%})"
        return f"accuracy {scores['accuracy']:.1%}{beside}"
    if known.task in _HEADLINES:
        return _HEADLINES[known.task](scores)
    return ", ".join(
        f"BLEU {part['bleu']:.1f} {name}"
        + (f" (untranslated: {part['bleu_untranslated']:.1f})" if "bleu_untranslated" in part else "")
        for name, part in _directions(scores).items()
    )


def _perplexity(value: float) -> str:
    return "∞" if value >= INFINITE else f"{value:,.1f}"


def _directions(scores: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """A translator's scores by direction."""
    parts = {name: part for name, part in scores.items() if isinstance(part, dict) and "bleu" in part}
    return {name: part for name, part in parts.items() if name != "int8"}


def _baseline(scores: Mapping[str, Any]) -> tuple[str, float] | None:
    """Name and perplexity per word of the counted model beside it."""
    return next(((name, value) for name, value in scores.items() if name.startswith("kneser_ney")), None)
