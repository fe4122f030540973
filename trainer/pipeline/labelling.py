"""Labels for text that has none, from classifiers that are there: what they are sure of together teaches another one.

Self-training (Yarowsky 1995, ACL P95-1026) with the labels of an ensemble. Sentences of the texts are labelled by
themselves too, where the classifier to be trained is to judge short texts as well as long ones.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch

from models.checkpoint import Checkpoint
from models.config import Config, Range
from models.errors import CheckpointError, DataError
from models.files import write_atomic
from models.kinds import kind_of
from models.text.sentences import split_sentences
from trainer.evaluation.classification import classify_all

FEWEST_WORDS, MOST_WORDS = 3, 40
"""Of a sentence that is labelled by itself."""


@dataclass(frozen=True)
class LabellingConfig(Config):
    """Which labels are kept."""

    least: Annotated[float, Range(0.0, 1.0)] = 0.7
    """The probability that a text's label must have."""
    sentences: Annotated[int, Range(0, 100)] = 0
    """So many sentences of each text, drawn at random, are labelled by themselves."""
    least_of_sentences: Annotated[float, Range(0.0, 1.0)] = 0.85
    """The probability that a sentence's label must have; of sentences, more say nothing."""


def label_file(path: Path, teachers: Sequence[Checkpoint], texts: Sequence[str], how: LabellingConfig) -> int:
    """Write a JSON Lines file of texts, and sentences of them, with their labels; return how many.

    Raises DataError where the teachers are no classifiers with the same labels, CheckpointError where the disk refuses.
    """
    names = _labels_of(teachers)
    rows = [
        *_label(teachers, names, texts, how.least),
        *_label(teachers, names, list(_sentences(texts, how.sentences)), how.least_of_sentences),
    ]
    lines = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    try:
        write_atomic(path, lines.encode("utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path}: can't be written: {error}") from None
    return len(rows)


def _labels_of(teachers: Sequence[Checkpoint]) -> tuple[str, ...]:
    known: dict[str, tuple[str, ...]] = {}
    for teacher in teachers:
        if kind_of(teacher.model).task != "classifier":
            raise DataError(f"{teacher.name}: a {teacher.kind}; labels come from classifiers")
        known[teacher.name] = teacher.model.config.labels
    if len(set(known.values())) != 1:
        raise DataError(f"the classifiers have different labels: {known}")
    return next(iter(known.values()))


def _label(
    teachers: Sequence[Checkpoint], names: Sequence[str], texts: Sequence[str], least: float
) -> Iterator[tuple[str, str]]:
    """The texts that the teachers, by the mean of their probabilities, are sure enough of, with their labels."""
    if not texts:
        return
    found = []
    for teacher in teachers:
        tokenizer = teacher.tokenizer
        ids = [tokenizer.encode(text) or [tokenizer.end_id] for text in texts]
        logits = classify_all(kind_of(teacher.model).runtime(teacher.model, "float32", 0), ids)
        found.append(torch.softmax(logits, dim=-1))
    sure, best = torch.stack(found).mean(dim=0).max(dim=1)  # (N,) each
    for text, probability, label in zip(texts, sure.tolist(), best.tolist(), strict=True):
        if probability >= least:
            yield text, names[label]


def _sentences(texts: Sequence[str], count: int) -> Iterator[str]:
    """So many sentences of each text, or all it has, of those that are neither too short nor too long."""
    draw = random.Random(1)
    for text in texts:
        own = [sentence.text for sentence in split_sentences(text.replace("<br />", "\n"))]
        fitting = [sentence for sentence in own if FEWEST_WORDS <= len(sentence.split()) <= MOST_WORDS]
        yield from draw.sample(fitting, min(count, len(fitting)))
