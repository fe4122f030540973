"""Scores in /models are numbers that JSON holds well, or null with a reason."""

import math
from typing import Any

import httpx
import pytest

from app.http.operations.model_list import finite


@pytest.mark.parametrize("value", [4.6e299, 1e17, math.inf])
def test_a_perplexity_that_is_too_large_is_null(value: float) -> None:
    scores = {"perplexity_per_word": value, "perplexity_per_word_95": [1.0, value], "loss": 690.0}
    metrics = {"evaluations": [{"scores": {**scores, "int8": {"perplexity_per_word": value}}}]}
    (evaluation,) = finite(metrics)["evaluations"]
    changed = evaluation["scores"]
    for one in (changed, changed["int8"]):
        assert one["perplexity_per_word"] is None
        assert "probability" in one["perplexity_per_word_reason"]
    assert changed["perplexity_per_word_95"] is None
    assert changed["loss"] == 690.0


def test_others_stay() -> None:
    scores = {"perplexity_per_word": 94_236.5, "accuracy": 0.9}
    metrics: dict[str, Any] = {"evaluations": [{"scores": scores}], "a": None}
    assert finite(metrics) == metrics


@pytest.mark.anyio
async def test_all_numbers_of_the_list_are_finite(client: httpx.AsyncClient) -> None:
    assert "e+" not in (await client.get("/models")).text
