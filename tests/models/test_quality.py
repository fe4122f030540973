"""The estimate of a translation's quality: its laws, and its file."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import checkpoint
from models.errors import CheckpointError, ModelError
from models.networks.translator import Translator
from models.quality import FEATURES, RISING, Searched, features, load_quality, of_text
from models.text.tokenizers.subword import SubwordTokenizer
from tests.conftest import save_tiny
from tests.helpers import QUALITY

DIRECTIONS = (("en", "tr"), ("tr", "en"))
QUALITIES = load_quality(json.dumps(QUALITY).encode(), DIRECTIONS)
INPUTS = st.builds(
    Searched,
    st.integers(0, 300),
    st.lists(st.integers(0, 50), max_size=40).map(tuple),
    st.text(max_size=40),
    st.floats(-1e4, 0),
    st.booleans(),
)


@given(st.lists(INPUTS, min_size=1, max_size=4), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 99)), max_size=5))
def test_it_is_between_0_and_1(inputs: list[Searched], sentences: list[tuple[float, int]]) -> None:
    assert 0 <= QUALITIES.estimate("en-tr", features(inputs)) <= 1
    estimates = [estimate for estimate, _ in sentences] or [1.0]
    assert min(estimates) - 1e-9 <= of_text(sentences) <= max(estimates) + 1e-9


@given(INPUTS, st.floats(0, 100))
def test_a_less_likely_translation_is_not_better(one: Searched, less: float) -> None:
    worse = Searched(one.source, one.ids, one.text, one.logprob - less, one.finished)
    assert QUALITIES.estimate("tr-en", features([worse])) <= QUALITIES.estimate("tr-en", features([one])) + 1e-9


def test_garbage_is_below_what_looks_like_a_reference() -> None:
    good = Searched(6, (5, 9, 31, 7), "İstasyon nerede?", -0.8, finished=True)
    garbage = Searched(6, (4, 4, 8, 4, 4, 8, 4, 4, 8, 4), "WARETATATAO", -20.0, finished=False)
    assert QUALITIES.estimate("en-tr", features([garbage])) < 0.3
    assert QUALITIES.estimate("en-tr", features([good])) > 0.7
    mixed = of_text([(0.9, 10), (0.1, 90)])
    assert mixed == pytest.approx(0.18)
    assert of_text([]) == 1


def test_the_file_gives_no_rising_feature_a_negative_weight() -> None:
    assert set(FEATURES) > RISING
    assert all(QUALITIES.features[name].weight >= 0 for name in RISING)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not an estimate"),
        (b"[]", "not an estimate"),
        (b'{"estimate": {"bias": {}, "features": {}}}', "KeyError"),
        (json.dumps({"estimate": {**QUALITY["estimate"], "bias": {"en-de": 1}}}).encode(), "directions are en-de"),
        (json.dumps(QUALITY).replace("0.01", "NaN", 1).encode(), "not a finite number"),
    ],
)
def test_a_wrong_file(content: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_quality(content, DIRECTIONS)


def test_it_is_part_of_a_checkpoint(tmp_path: Path, translator: Translator, tokenizer: SubwordTokenizer) -> None:
    directory = tmp_path / "translator"
    save_tiny(directory, translator, tokenizer, "en", "tr")
    assert checkpoint.load(directory).quality is None
    checkpoint.replace_files(directory, {checkpoint.QUALITY: checkpoint.to_json(QUALITY)})
    assert checkpoint.load(directory).quality == QUALITIES
    wrong: Any = {"estimate": {}}
    checkpoint.replace_files(directory, {checkpoint.QUALITY: checkpoint.to_json(wrong)})
    with pytest.raises(CheckpointError, match=r"quality\.json: not an estimate"):
        checkpoint.load(directory)
    (directory / checkpoint.QUALITY).write_bytes(b" " * len(checkpoint.to_json(wrong)))
    with pytest.raises(CheckpointError, match=r"quality\.json: altered"):
        checkpoint.load(directory)
