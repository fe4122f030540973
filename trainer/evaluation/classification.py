"""Accuracy and its parts, and the calibration of a classifier's probabilities."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from torch import Tensor

from models.batch import length_buckets, pad
from models.counted.bag_of_words import Bag
from models.errors import DataError
from models.kinds import kind_of
from models.networks.classifier import Classifier
from models.runtime.interface import ClassifierRuntime
from models.text.tokenizers import Tokenizer
from trainer.data.files import Row
from trainer.evaluation.bootstrap import interval
from trainer.evaluation.config import EvaluationConfig

EVALUATION_TOKENS = 8192  # padded tokens in a batch when nothing is trained
CALIBRATION_BINS = 15
FEWEST_ERRORS = 10
AMONG_ITS_LABELS = ("accuracy", "accuracy_95", "loss", "expected_calibration_error")
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 0.05, 20.0


@torch.inference_mode()
def classify_all(runtime: ClassifierRuntime, ids: Sequence[Sequence[int]]) -> Tensor:
    """Logits (N, C) of texts given as ids, in their order, computed in batches of similar lengths."""
    by_index: dict[int, Tensor] = {}
    for group in length_buckets([len(text) for text in ids], EVALUATION_TOKENS):
        logits, _ = runtime.classify(pad([ids[index] for index in group]), explain=False)
        by_index |= zip(group, logits.float().cpu(), strict=True)
    return torch.stack([by_index[index] for index in range(len(ids))])


def evaluate_classifier(
    model: Classifier | Bag,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    labels: Sequence[str],
    config: EvaluationConfig,
    precision: str = "float32",
) -> dict[str, Any]:
    """All of `score_classes`, for texts with their labels.

    Data that have two or more of the model's labels, but not all, are also scored with the others left out of the
    choice: `among_its_labels`.
    """
    known = model.config.labels
    ids = [tokenizer.encode(text) or [tokenizer.end_id] for text in texts]
    targets = torch.tensor([known.index(label) for label in labels])
    logits = classify_all(kind_of(model).runtime(model, precision, 0), ids)
    scores = score_classes(logits, targets, known, config)
    present, positions = torch.unique(targets, return_inverse=True)  # in ascending order
    if 1 < len(present) < len(known):
        among = score_classes(logits[:, present], positions, [known[index] for index in present], config)
        scores["among_its_labels"] = {name: among[name] for name in AMONG_ITS_LABELS if name in among}
    return scores


def score_classes(
    logits: Tensor, targets: Tensor, labels: Sequence[str], config: EvaluationConfig | None = None
) -> dict[str, Any]:
    """Compare logits (N, C) with targets (N,) int64.

    Loss is the mean negative log-likelihood in nats; confusion[i][j] counts the texts of label i for
    which label j was predicted.
    """
    config = config or EvaluationConfig(resamples=0)
    probabilities = torch.softmax(logits.double(), dim=-1)
    predictions = probabilities.argmax(dim=1)
    correct = (predictions == targets).double()
    scores: dict[str, Any] = {
        "accuracy": correct.mean().item(),
        "loss": torch.nn.functional.cross_entropy(logits.double(), targets).item(),
        "classes": _class_scores(targets, predictions, labels),
        "confusion": confusion_matrix(targets.numpy(), predictions.numpy(), labels=range(len(labels))).tolist(),
        "expected_calibration_error": calibration_error(probabilities, targets),
        "calibration_bins": calibration_bins(probabilities, targets),
        "texts": len(targets),
    }
    if config.resamples:
        scores["accuracy_95"] = interval(correct.numpy(), np.ones(len(targets)), config.resamples)
    return scores


def _class_scores(targets: Tensor, predictions: Tensor, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    """Precision, recall and F1 of each label, 0 where undefined, and the number of its texts; (N,) int64 both."""
    precisions, recalls, f1s, counts = precision_recall_fscore_support(
        targets.numpy(), predictions.numpy(), labels=range(len(labels)), zero_division=0.0
    )
    return {
        label: {"precision": float(precision), "recall": float(recall), "f1": float(f1), "texts": int(count)}
        for label, precision, recall, f1, count in zip(labels, precisions, recalls, f1s, counts, strict=True)
    }


def calibration_bins(probabilities: Tensor, targets: Tensor) -> list[dict[str, float]]:
    """A reliability diagram: the texts in 15 bins by the probability of the predicted label, empty bins left out.

    For each bin the number of texts, their mean probability and their accuracy.
    """
    confidence, predictions = probabilities.max(dim=1)
    bins = (confidence * CALIBRATION_BINS).long().clamp(max=CALIBRATION_BINS - 1)  # (N,)
    counts = torch.bincount(bins, minlength=CALIBRATION_BINS)
    confidences = torch.bincount(bins, confidence.double(), CALIBRATION_BINS)
    correct = torch.bincount(bins, (predictions == targets).double(), CALIBRATION_BINS)
    return [
        {"texts": int(count), "probability": float(total / count), "accuracy": float(hits / count)}
        for count, total, hits in zip(counts, confidences, correct, strict=True)
        if count
    ]


def calibration_error(probabilities: Tensor, targets: Tensor) -> float:
    """The expected difference between probability and accuracy, over 15 bins (Guo et al. 2017, arXiv:1706.04599)."""
    bins = calibration_bins(probabilities, targets)
    return sum(part["texts"] * abs(part["probability"] - part["accuracy"]) for part in bins) / len(targets)


def fit_temperature(logits: Tensor, targets: Tensor) -> float:
    """The temperature by which to divide logits (N, C) for the least loss (temperature scaling, arXiv:1706.04599).

    Searched for on a logarithmic scale, where the loss is unimodal. 1 where fewer than 10 texts are
    classified wrongly: too few to estimate it from.
    """
    if int((logits.argmax(dim=1) != targets).sum()) < FEWEST_ERRORS:
        return 1.0

    def loss(logarithm: float) -> float:
        return float(torch.nn.functional.cross_entropy(logits.double() / math.exp(logarithm), targets))

    bounds = (math.log(LOWEST_TEMPERATURE), math.log(HIGHEST_TEMPERATURE))
    best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return math.exp(best.x)


def calibration_notes(logits: Tensor, targets: Tensor) -> dict[str, float]:
    """The temperature that fits logits (N, C) best, and the calibration error without and with it."""
    return {
        "temperature": fit_temperature(logits, targets),
        "calibration_error_before": calibration_error(torch.softmax(logits.double(), dim=-1), targets),
        "calibration_error_cross_fitted": cross_fitted_error(logits, targets),
    }


def cross_fitted_error(logits: Tensor, targets: Tensor) -> float:
    """The calibration error when each half of the texts is divided by the temperature of the other half."""
    probabilities = torch.empty_like(logits, dtype=torch.float64)
    half = torch.zeros(len(targets), dtype=torch.bool)
    half[torch.randperm(len(targets), generator=torch.Generator().manual_seed(1))[::2]] = True
    for part in (half, ~half):
        temperature = fit_temperature(logits[~part], targets[~part])
        probabilities[part] = torch.softmax(logits[part].double() / temperature, dim=-1)
    return calibration_error(probabilities, targets)


def known_labels(known: Sequence[str], rows: Sequence[Row], name: str) -> list[str]:
    """The labels of rows. Raises DataError for one that is not known."""
    labels = [label.strip() for _, label in rows]
    unknown = sorted(set(labels) - set(known))
    if unknown:
        raise DataError(f"{name}: label {unknown[0]!r} is none of the model's: {', '.join(known)}")
    return labels
