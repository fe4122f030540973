"""Accuracy and its parts, and how far a classifier's probabilities can be believed."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.batch import like_lengths, pad
from models.counted.bag_of_words import Bag
from models.networks.classifier import Classifier
from models.runtime.build import make_classifier_runtime
from models.runtime.interface import ClassifierRuntime
from models.text.tokenizers import Tokenizer
from trainer.evaluation.bootstrap import interval
from trainer.evaluation.config import EvaluationConfig

EVALUATION_TOKENS = 8192  # padded tokens in a batch when nothing is trained
CALIBRATION_BINS = 15
FEWEST_ERRORS = 10


@torch.inference_mode()
def classify_all(runtime: ClassifierRuntime, ids: Sequence[Sequence[int]]) -> Tensor:
    """Logits (N, C) of texts given as ids, in their order, read in batches of like length."""
    found: dict[int, Tensor] = {}
    for places in like_lengths([len(text) for text in ids], EVALUATION_TOKENS):
        logits, _ = runtime.classify(pad([ids[place] for place in places]), explain=False)
        found |= zip(places, logits.float().cpu(), strict=True)
    return torch.stack([found[place] for place in range(len(ids))])


def evaluate_classifier(
    model: Classifier | Bag,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    labels: Sequence[str],
    config: EvaluationConfig,
    precision: str = "float32",
) -> dict[str, Any]:
    """All of `score_classes`, for texts with their labels."""
    ids = [tokenizer.encode(text) or [tokenizer.end_id] for text in texts]
    wanted = torch.tensor([model.config.labels.index(label) for label in labels])
    logits = classify_all(make_classifier_runtime(model, precision), ids)
    return score_classes(logits, wanted, model.config.labels, config)


def score_classes(
    logits: Tensor, wanted: Tensor, labels: Sequence[str], config: EvaluationConfig | None = None
) -> dict[str, Any]:
    """Compare logits (N, C) with wanted (N,) int64.

    Loss is the mean negative log-likelihood in nats; confusion[i][j] counts the texts of label i that
    were given label j.
    """
    config = config or EvaluationConfig(resamples=0)
    probabilities = torch.softmax(logits.double(), dim=-1)
    found = probabilities.argmax(dim=1)
    count = len(labels)
    confusion = torch.bincount(wanted * count + found, minlength=count * count).view(count, count)
    right = (found == wanted).double()
    scores: dict[str, Any] = {
        "accuracy": right.mean().item(),
        "loss": torch.nn.functional.cross_entropy(logits.double(), wanted).item(),
        "classes": {label: _class_scores(confusion, index) for index, label in enumerate(labels)},
        "confusion": confusion.tolist(),
        "expected_calibration_error": calibration_error(probabilities, wanted),
        "calibration_bins": calibration_bins(probabilities, wanted),
        "texts": len(wanted),
    }
    if config.resamples:
        scores["accuracy_95"] = interval(right.numpy(), np.ones(len(wanted)), config.resamples)
    return scores


def _class_scores(confusion: Tensor, index: int) -> dict[str, float]:
    both = int(confusion[index, index])
    given, actual = int(confusion[:, index].sum()), int(confusion[index].sum())
    return {
        "precision": both / given if given else 0.0,
        "recall": both / actual if actual else 0.0,
        "f1": 2 * both / (given + actual) if given + actual else 0.0,
        "texts": actual,
    }


def calibration_bins(probabilities: Tensor, wanted: Tensor) -> list[dict[str, float]]:
    """The texts by the probability of the label that they were given, in 15 bins, of which empty ones are left out.

    Of each bin the number of texts, their mean probability and their accuracy.
    """
    confidence, found = probabilities.max(dim=1)
    bins = (confidence * CALIBRATION_BINS).long().clamp(max=CALIBRATION_BINS - 1)  # (N,)
    counts = torch.bincount(bins, minlength=CALIBRATION_BINS)
    confidences = torch.bincount(bins, confidence.double(), CALIBRATION_BINS)
    rights = torch.bincount(bins, (found == wanted).double(), CALIBRATION_BINS)
    return [
        {"texts": int(count), "probability": float(sure / count), "accuracy": float(right / count)}
        for count, sure, right in zip(counts, confidences, rights, strict=True)
        if count
    ]


def calibration_error(probabilities: Tensor, wanted: Tensor) -> float:
    """The expected difference between probability and accuracy, over 15 bins (Guo et al. 2017, arXiv:1706.04599)."""
    bins = calibration_bins(probabilities, wanted)
    return sum(part["texts"] * abs(part["probability"] - part["accuracy"]) for part in bins) / len(wanted)


def fit_temperature(logits: Tensor, wanted: Tensor) -> float:
    """What logits (N, C) must be divided by for the least loss (temperature scaling, arXiv:1706.04599).

    Found to a thousandth by golden sections, since the loss has one valley. 1 where fewer than 10 texts
    are judged wrongly: they are too few to tell.
    """
    if int((logits.argmax(dim=1) != wanted).sum()) < FEWEST_ERRORS:
        return 1.0
    low, high = math.log(0.05), math.log(20.0)
    golden = (math.sqrt(5) - 1) / 2

    def loss(logarithm: float) -> float:
        return float(torch.nn.functional.cross_entropy(logits.double() / math.exp(logarithm), wanted))

    while high - low > 1e-3:
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return math.exp((low + high) / 2)


def calibration_notes(logits: Tensor, wanted: Tensor) -> dict[str, float]:
    """The temperature that fits logits (N, C) best, and what it does to the calibration error."""
    return {
        "temperature": fit_temperature(logits, wanted),
        "calibration_error_before": calibration_error(torch.softmax(logits.double(), dim=-1), wanted),
        "calibration_error_cross_fitted": cross_fitted_error(logits, wanted),
    }


def cross_fitted_error(logits: Tensor, wanted: Tensor) -> float:
    """The calibration error when each half of the texts is divided by the temperature of the other half."""
    probabilities = torch.empty_like(logits, dtype=torch.float64)
    half = torch.zeros(len(wanted), dtype=torch.bool)
    half[torch.randperm(len(wanted), generator=torch.Generator().manual_seed(1))[::2]] = True
    for part in (half, ~half):
        temperature = fit_temperature(logits[~part], wanted[~part])
        probabilities[part] = torch.softmax(logits[part].double() / temperature, dim=-1)
    return calibration_error(probabilities, wanted)
