"""How good a translation is likely to be: its expected chrF2 against a human's, from what the search knows anyway.

A logistic function of a few features of a sentence, fitted on held-back pairs by `carousel-train calibrate`, which
writes it into the checkpoint as quality.json. Attention is not among them: its coverage of the source said nothing
that the probability had not (docs/measurements.md).
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from models.errors import ModelError

FEATURES = ("probability", "probability_4", "length", "ratio", "piece", "distinct", "finished")
RISING = frozenset({"probability", "probability_4", "finished"})
"""Features of which more never lowers the estimate: their weights are at least 0."""
LOW = 0.4
"""A translation with an estimate below this is shown as doubtful. The estimate is calibrated, so the limit is the same
for every model; the card says what share of the translations below it are in fact."""


@dataclass(frozen=True)
class Searched:
    """An input of the translator with its best hypothesis.

    source and target count tokens without the language's and the end's; logprob sums those of the target and its end.
    """

    source: int
    ids: tuple[int, ...]
    text: str
    logprob: float
    finished: bool


def features(inputs: Sequence[Searched]) -> dict[str, float]:
    """Those of a sentence, which is translated as a whole or in parts.

    probability is the geometric mean of the tokens'; length and ratio (target to source) are logarithms; piece is how
    many characters a target token has (rare text falls into small pieces); distinct is the share of different tokens.
    """
    ids = [index for one in inputs for index in one.ids]
    tokens = len(ids) + sum(one.finished for one in inputs)
    source = sum(one.source for one in inputs)
    probability = math.exp(min(0.0, sum(one.logprob for one in inputs) / max(1, tokens)))
    return {
        "probability": probability,
        "probability_4": probability**4,
        "length": math.log(1 + source),
        "ratio": math.log((1 + len(ids)) / (1 + source)),
        "piece": sum(len(one.text) for one in inputs) / max(1, len(ids)),
        "distinct": len(set(ids)) / max(1, len(ids)),
        "finished": float(all(one.finished for one in inputs)),
    }


@dataclass(frozen=True)
class Feature:
    """Its weight, and the range that it is cut to: that of the data it was fitted on."""

    weight: float
    low: float
    high: float


@dataclass(frozen=True)
class Quality:
    """The fitted function; bias has an entry for each direction, such as "en-tr"."""

    bias: Mapping[str, float]
    features: Mapping[str, Feature]

    def estimate(self, direction: str, values: Mapping[str, float]) -> float:
        """Of one sentence, between 0 and 1."""
        logit = self.bias[direction]
        for name, feature in self.features.items():
            logit += feature.weight * min(max(values[name], feature.low), feature.high)
        return 0.5 * (1.0 + math.tanh(logit / 2))


def of_text(sentences: Iterable[tuple[float, int]]) -> float:
    """The quality of a text: the mean over its sentences (quality, characters), weighted by length.

    Of a text without sentences, which is its own translation, it is 1.
    """
    pairs = [(quality, max(1, characters)) for quality, characters in sentences]
    total = sum(characters for _, characters in pairs)
    return sum(quality * characters for quality, characters in pairs) / total if pairs else 1.0


def load_quality(content: bytes, directions: Sequence[Sequence[str]]) -> Quality:
    """Read quality.json. Raises ModelError unless it has a finite number for everything, and each direction."""
    try:
        entries = json.loads(content)["estimate"]
        bias = {str(direction): float(value) for direction, value in entries["bias"].items()}
        fitted = {
            name: Feature(*(float(entries["features"][name][key]) for key in ("weight", "low", "high")))
            for name in FEATURES
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"not an estimate of quality: {type(error).__name__} {error}") from None
    numbers = [*bias.values(), *(value for one in fitted.values() for value in (one.weight, one.low, one.high))]
    if not all(map(math.isfinite, numbers)):
        raise ModelError("an entry is not a finite number")
    if set(bias) != {"-".join(direction) for direction in directions}:
        raise ModelError(f"directions are {', '.join(sorted(bias))}, but not those of config.json")
    return Quality(bias, fitted)
