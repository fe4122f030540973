"""Self-training (Yarowsky 1995, ACL P95-1026): unlabelled text gets the labels of an ensemble of classifiers.

Single sentences of the texts can be labelled too, for a classifier of short texts as well as long ones.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch

from models.checkpoint import Checkpoint
from models.config import Config, Range
from models.errors import DataError
from models.files import write_atomic, writing
from models.json_text import dumps
from models.kinds import kind_of
from models.text.sentences import split_sentences
from trainer.evaluation.classification import classify_all

MIN_WORDS, MAX_WORDS = 3, 40
"""Of a sentence that is labelled."""


@dataclass(frozen=True)
class LabellingConfig(Config):
    """Which labels are kept."""

    least: Annotated[float, Range(0.0, 1.0)] = 0.7
    """The least probability of a text's label."""
    sentences: Annotated[int, Range(0, 100)] = 0
    """Number of random sentences of each text that are labelled too."""
    least_of_sentences: Annotated[float, Range(0.0, 1.0)] = 0.85
    """The least probability of a sentence's label; more sentences than texts are neutral."""
    texts: Annotated[int, Range(0, 1_000_000_000)] = 0
    """Above 0, only so many texts are labelled, the first ones."""


def label_file(path: Path, teachers: Sequence[Checkpoint], texts: Sequence[str], config: LabellingConfig) -> int:
    """Write a JSON Lines file of texts, and sentences of them, with their labels; return how many.

    Raises DataError where the teachers are no classifiers with the same labels, CheckpointError where the disk refuses.
    """
    names = _labels_of(teachers)
    rows = [
        *_label(teachers, names, texts, config.least),
        *_label(teachers, names, list(_sentences(texts, config.sentences)), config.least_of_sentences),
    ]
    lines = "".join(dumps({"text": text, "label": label}, ensure_ascii=True) + "\n" for text, label in rows)
    with writing(path):
        write_atomic(path, lines.encode("utf-8"))
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
    """The texts whose label has a mean probability of at least `least` over all teachers, with that label."""
    if not texts:
        return
    probabilities = []
    for teacher in teachers:
        tokenizer = teacher.tokenizer
        ids = [tokenizer.encode(text) or [tokenizer.end_id] for text in texts]
        logits = classify_all(kind_of(teacher.model).runtime(teacher.model, "float32", 0), ids)
        probabilities.append(torch.softmax(logits, dim=-1))
    highest, labels = torch.stack(probabilities).mean(dim=0).max(dim=1)  # (N,) each
    for text, probability, label in zip(texts, highest.tolist(), labels.tolist(), strict=True):
        if probability >= least:
            yield text, names[label]


def _sentences(texts: Sequence[str], count: int) -> Iterator[str]:
    """`count` random sentences of each text, or fewer, that are neither too short nor too long."""
    generator = random.Random(1)
    for text in texts:
        sentences = [sentence.text for sentence in split_sentences(text.replace("<br />", "\n"))]
        fitting = [sentence for sentence in sentences if MIN_WORDS <= len(sentence.split()) <= MAX_WORDS]
        yield from generator.sample(fitting, min(count, len(fitting)))
