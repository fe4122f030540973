"""Calibration of a translator's estimate of quality (models/quality.py), and how reliable it is.

Half of the pairs of each source and direction fit the estimate, the others measure it.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.chrf import CHRF
from scipy.optimize import minimize

from models.decoding.beam_search import SearchConfig
from models.errors import DataError
from models.networks.translator import Translator
from models.quality import FEATURES, LOW, RISING, Feature, Quality, features, of_text
from models.runtime.build import has_int8, make_translator_runtime
from models.text.tokenizers import Tokenizer
from trainer.data.corpus import usable
from trainer.data.sources import Source
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.translation import translate_passages

Array = NDArray[np.float64]
BINS = 10
PENALTY = 1e-4
"""On the squared weights of standardized features."""
LEAST_PAIRS = 20
"""Of a source, in each direction."""


@dataclass(frozen=True)
class Example:
    """A translated text: the features and the characters of each of its sentences, and its chrF2 from 0 to 1."""

    source: str
    direction: str
    sentences: tuple[tuple[dict[str, float], int], ...]
    chrf: float

    def estimate(self, quality: Quality) -> float:
        return of_text((quality.estimate(self.direction, values), size) for values, size in self.sentences)


def calibrate(
    model: Translator, tokenizer: Tokenizer, sources: Sequence[Source], pairs: int, seed: int, config: EvaluationConfig
) -> dict[str, Any]:
    """The content of quality.json, from `pairs` random pairs of each source in each direction.

    The pairs must not be among those that the model was trained on. Raises DataError for sources that can't be read,
    or with fewer than LEAST_PAIRS.
    """
    fitting: list[Example] = []
    measured: list[Example] = []
    for source in sources:
        rows = list(usable(source.rows(), 2))
        if len(rows) < LEAST_PAIRS:
            raise DataError(f"{source.name}: {len(rows)} pairs; {LEAST_PAIRS} are the least")
        sample = random.Random(seed).sample(rows, min(pairs, len(rows)))
        for direction in model.config.directions:
            forward = direction[0] == model.config.languages[0]
            turned = [(row[0], row[1]) if forward else (row[1], row[0]) for row in sample]
            examples = _examples(model, tokenizer, source.name, turned, direction, config)
            fitting += examples[::2]
            measured += examples[1::2]
    quality = fit(fitting)
    return {
        "estimate": {
            "bias": dict(quality.bias),
            "features": {name: vars(feature) for name, feature in quality.features.items()},
        },
        "data": [source.describe() for source in sources],
        "fitted_texts": len(fitting),
        "reliability": reliability(quality, measured),
    }


def _examples(
    model: Translator,
    tokenizer: Tokenizer,
    name: str,
    pairs: Sequence[tuple[str, str]],
    direction: tuple[str, str],
    config: EvaluationConfig,
) -> list[Example]:
    runtime = make_translator_runtime(model, "int8" if has_int8(model) else "float32")
    search = SearchConfig(config.beam_size, config.length_penalty)
    texts = [text for text, _ in pairs]
    metric = CHRF()
    return [
        Example(
            name,
            "-".join(direction),
            tuple((features(inputs), len(sentence)) for sentence, inputs in translated.sentences),
            metric.sentence_score(translated.text, [reference]).score / 100,
        )
        for translated, (_, reference) in zip(
            translate_passages(runtime, model, tokenizer, texts, direction[1], search), pairs, strict=True
        )
    ]


def fit(examples: Sequence[Example]) -> Quality:
    """The logistic function that is likeliest (by cross-entropy) to give the chrF2 of the examples.

    Each sentence counts by its share of its text. Features are cut to their 1st to 99th percentile, and those of
    RISING get no negative weight.
    """
    directions = sorted({example.direction for example in examples})
    rows = [(example, values, size) for example in examples for values, size in example.sentences]
    raw = np.array([[values[name] for name in FEATURES] for _, values, _ in rows])
    total = np.array([sum(size for _, size in example.sentences) for example, _, _ in rows], dtype=np.float64)
    share = np.array([size for _, _, size in rows]) / np.maximum(total, 1.0)
    goal = np.array([example.chrf for example, _, _ in rows])
    low, high = np.percentile(raw, 1, axis=0), np.percentile(raw, 99, axis=0)
    cut = np.clip(raw, low, high)
    mean, deviation = cut.mean(axis=0), np.maximum(cut.std(axis=0), 1e-6)
    bias = np.array([[float(example.direction == direction) for direction in directions] for example, _, _ in rows])
    inputs = np.hstack([(cut - mean) / deviation, bias])
    bounds = [(0.0 if name in RISING else None, None) for name in FEATURES] + [(None, None)] * len(directions)
    count = len(FEATURES)

    def loss(weights: Array) -> tuple[float, Array]:
        logits = inputs @ weights
        entropy = share @ (np.logaddexp(0, logits) - goal * logits) / share.sum()
        slope = inputs.T @ (share * (_sigmoid(logits) - goal)) / share.sum()
        slope[:count] += 2 * PENALTY * weights[:count]
        return float(entropy + PENALTY * np.sum(weights[:count] ** 2)), slope

    weights = minimize(loss, np.zeros(inputs.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds).x
    scaled = weights[:count] / deviation
    offset = float(scaled @ mean)
    return Quality(
        {direction: float(weight) - offset for direction, weight in zip(directions, weights[count:], strict=True)},
        {
            name: Feature(float(weight), float(least), float(most))
            for name, weight, least, most in zip(FEATURES, scaled, low, high, strict=True)
        },
    )


def reliability(quality: Quality, examples: Sequence[Example]) -> dict[str, Any]:
    """How far estimates agree with the chrF2 of examples: over all, by tenths, by source and direction."""
    estimates = np.array([example.estimate(quality) for example in examples])
    actual = np.array([example.chrf for example in examples])
    groups = [f"{example.source} {example.direction}" for example in examples]
    bins = np.array_split(np.argsort(estimates), BINS)
    flagged, poor = estimates < LOW, actual < LOW
    return {
        **_agreement(estimates, actual),
        "below": LOW,
        "estimated_below": float(flagged.mean()),
        "of_those_below": float(poor[flagged].mean()) if flagged.any() else None,
        "of_all_below_estimated": float(flagged[poor].mean()) if poor.any() else None,
        "tenths": [
            {"estimate": float(estimates[part].mean()), "chrf2": float(actual[part].mean()), "texts": len(part)}
            for part in bins
            if len(part)
        ],
        "groups": {
            name: _agreement(estimates[chosen], actual[chosen])
            for name in dict.fromkeys(groups)
            if (chosen := np.array([group == name for group in groups])).any()
        },
    }


def _agreement(estimates: Array, actual: Array) -> dict[str, Any]:
    """Means, the expected calibration error over tenths of equal size, and the correlation."""
    bins = [part for part in np.array_split(np.argsort(estimates), BINS) if len(part)]
    gaps = [abs(estimates[part].mean() - actual[part].mean()) * len(part) for part in bins]
    varied = len(actual) > 1 and estimates.std() > 0 and actual.std() > 0
    return {
        "texts": len(actual),
        "estimate": float(estimates.mean()),
        "chrf2": float(actual.mean()),
        "calibration_error": float(sum(gaps) / len(actual)),
        "correlation": float(np.corrcoef(estimates, actual)[0, 1]) if varied else None,
    }


def _sigmoid(logits: Array) -> Array:
    return 0.5 * (1 + np.tanh(logits / 2))
