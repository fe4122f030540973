"""Summarizers in the trainer: titles in sentence case, texts cut to their beginning, ROUGE, the whole command."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import checkpoint
from models.networks.summarizer import Summarizer
from tests.conftest import SENTENCES
from tests.trainer.test_cli import run
from trainer.data.store import Ragged
from trainer.data.title_case import SentenceCase, in_sentence_case
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.summarization import score_summaries
from trainer.tasks.summarization import beginnings


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        ("Deep Learning for BERT", "We use deep learning. It is for BERT.", "deep learning for BERT"),
        ("Parsing Turkish", "Parsing is hard. We do it for Turkish text.", "Parsing Turkish"),
        ("A New Corpus", "This is a corpus: A corpus, a new one.", "a new corpus"),
        ("Unseen Words", "Nothing here.", "Unseen Words"),
        ("AMuSE-WSD: All-in-One", "We call it AMuSE-WSD, all in one.", "AMuSE-WSD: all-in-one"),
    ],
)
def test_a_title_has_the_case_of_its_text(title: str, text: str, expected: str) -> None:
    assert in_sentence_case(title, text, {}) == expected


@given(st.text(), st.text())
def test_a_title_changes_in_its_case_alone(title: str, text: str) -> None:
    assert in_sentence_case(title, text, {}).lower() == title.lower()


def test_other_texts_say_the_case_of_a_word_that_the_text_lacks() -> None:
    rows = [("we like learning", "Learning"), ("none of it", "Learning Chinese"), ("in Chinese too", "x")]
    assert list(SentenceCase(rows).rows(rows[1:2])) == [("none of it", "learning Chinese")]


@given(st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=6), st.integers(1, 5))
def test_the_beginning_of_each_text_is_kept(texts: list[list[int]], length: int) -> None:
    cut = beginnings(Ragged.of(texts), length)
    assert [cut[index].tolist() for index in range(len(texts))] == [text[:length] for text in texts]
    assert np.array_equal(cut.lengths, [min(len(text), length) for text in texts])


def test_rouge_is_f1_and_ignores_case() -> None:
    config = EvaluationConfig(resamples=0)
    assert score_summaries(["The Dog"], ["the dog"], config) == pytest.approx(
        {"rouge1": 100, "rouge2": 100, "rougeL": 100}
    )
    half = score_summaries(["a dog", "x"], ["a cat", "y"], config)
    assert half == pytest.approx({"rouge1": 25, "rouge2": 0, "rougeL": 25})
    low, high = score_summaries(["a dog", "x"], ["a cat", "y"], EvaluationConfig(resamples=50))["rouge1_95"]
    assert low <= 25 <= high


def test_the_command_makes_a_summarizer(tmp_path: Path, capsys, monkeypatch) -> None:
    rows = [{"text": f"{text} {text}", "summary": text.title()} for text in SENTENCES]
    data = tmp_path / "titles.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings = ["vocabulary_size=300", "embedding=8", "hidden=8", "epochs=1", "titles=true", "source_tokens=12"]
    options = [part for setting in [*settings, "scored_pairs=2", "resamples=0"] for part in ("--set", setting)]
    status, printed = run(
        capsys, monkeypatch, "summarizer", "--language", "en", "--train", data, "--valid", data, "--threads", "1",
        *options, "--out", tmp_path / "titles",
    )  # fmt: skip
    assert status == 0, printed
    loaded = checkpoint.load(tmp_path / "titles")
    assert isinstance(loaded.model, Summarizer)
    assert loaded.model.config.titles
    assert loaded.known_words is None
    scores = loaded.metrics["evaluations"][0]["scores"]
    assert {"rouge1", "rouge2", "rougeL", "first_8_words", "first_12_words", "int8"} <= scores.keys()
    assert "rougeL_greedy" in loaded.log[-1]["scores"]
    assert "A summarizer:" in loaded.card
    assert "ROUGE-L" in printed
