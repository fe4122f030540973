"""Keystroke savings: counted by hand, and by searches that each read the whole text."""

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from models.decoding.next_words import Query, WordSearch, run, score_queries
from models.decoding.word_pieces import Vocabulary
from models.networks.language_model import LanguageModel
from models.runtime.build import make_language_runtime
from models.runtime.interface import LanguageRuntime
from models.text.tokenizers import SubwordTokenizer
from trainer.cli.command import make_app
from trainer.evaluation.keyboard import (
    Word,
    _spellings,
    context_ids,
    evaluate_keyboard,
    keys_of,
    type_texts,
    word_spans,
)

TEXTS = ["the man saw the dog.", "Good film, isn't it? The man-eater", "çok güzel", "...", "the the the"]


@pytest.fixture(params=["float32", "int8"])
def runtime(request: pytest.FixtureRequest, language_model: LanguageModel) -> LanguageRuntime:
    return make_language_runtime(language_model, request.param, threads=1)


@pytest.fixture
def vocabulary(tokenizer: SubwordTokenizer) -> Vocabulary:
    return Vocabulary(tokenizer)


class TestCounts:
    def test_by_hand(self) -> None:
        """Without a list: t h e _ m a n s . and the key that sends it."""
        text = "the mans."
        never = Word(0, 3, (None, None, None))
        at_once, after_two = Word(0, 3, (0,)), Word(4, 8, (None, 4, 2))
        assert keys_of(text, [], 3) == 10
        assert keys_of(text, [never], 3) == 10
        assert keys_of(text, [at_once], 3) == 7  # one key in place of t h e _
        assert keys_of(text, [at_once, after_two], 3) == 7 - 4 + 3  # m a and the list's
        assert keys_of(text, [at_once, after_two], 5) == 7 - 4 + 2  # it is fifth after m

    def test_a_word_that_is_listed_late_saves_its_space_alone(self) -> None:
        assert keys_of("to be", [Word(0, 2, (None, 0))], 3) == 5
        assert keys_of("to", [Word(0, 2, (None, 0))], 3) == 3

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("Good film, isn't it?", ["Good", "film", "isn't", "it"]),
            ("a man-eater - 12", ["a", "man-eater", "12"]),
            ("...", []),
            ("", []),
        ],
    )
    def test_words(self, text: str, words: list[str]) -> None:
        assert [text[begin:end] for begin, end in word_spans(text)] == words


def test_lists_are_those_of_a_text_that_is_read_anew(runtime: LanguageRuntime, vocabulary: Vocabulary) -> None:
    for text, words in zip(TEXTS, type_texts(runtime, vocabulary, TEXTS), strict=True):
        assert [(word.start, word.end) for word in words] == word_spans(text)
        for word in words:
            for typed, rank in enumerate(word.ranks):
                listed = words_after(runtime, vocabulary, text[: word.start], text[word.start : word.start + typed])
                wanted = text[word.start : word.end]
                low = wanted[:1].lower() + wanted[1:] if word.start == 0 else wanted
                assert rank == next((listed.index(name) for name in (wanted, low) if name in listed), None)
            assert all(rank is None or rank >= 3 for rank in word.ranks[:-1])
            assert len(word.ranks) == word.end - word.start or word.ranks[-1] is not None


def words_after(runtime: LanguageRuntime, vocabulary: Vocabulary, text: str, prefix: str) -> list[str]:
    *before, last = context_ids(vocabulary.tokenizer, text)
    state = runtime.start(1)
    if before:
        state = runtime.prefill([torch.tensor(before, dtype=torch.int64)], state)
    scores = score_queries(runtime, vocabulary, [Query(state, 0, last)])
    search = WordSearch(vocabulary, scores.probabilities[0], scores.state, scores.first, 5 if prefix else 10, prefix)
    run(runtime, vocabulary, search)
    return [word for word, _ in search.result().words if word[0].isalpha()][:5]


@pytest.mark.parametrize(
    ("word", "listed"), [("Good", "good"), ("İyi", "iyi"), ("Isı", "ısı"), ("I'm", "I'm"), ("good", "good")]
)
def test_the_first_word_needs_no_capital(word: str, listed: str) -> None:
    assert listed in _spellings(word, first=True)
    assert _spellings(word, first=False) == [word]


def test_scores_agree_with_each_other(runtime: LanguageRuntime, vocabulary: Vocabulary) -> None:
    scores = evaluate_keyboard(runtime, vocabulary, TEXTS, resamples=50)
    assert scores["keys"] == sum(len(text) + 1 for text in TEXTS)
    assert scores["recall"]["1"] <= scores["recall"]["3"] <= scores["recall"]["5"]
    by_letters = scores["recall_of_3_after_letters"]
    assert by_letters["0"] == scores["recall"]["3"]
    assert list(by_letters.values()) == sorted(by_letters.values())
    assert 0 <= scores["slots_3"]["savings"] <= scores["slots_5"]["savings"] < 1
    assert scores["slots_5"]["letters_per_word"] <= scores["slots_3"]["letters_per_word"]
    low, high = scores["slots_5"]["savings_95"]
    assert low <= scores["slots_5"]["savings"] <= high


def test_the_command(checkpoints: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.txt"
    data.write_text("the man saw the dog.\n" * 3)
    run_it = CliRunner().invoke
    done = run_it(
        make_app(), ["evaluate", str(checkpoints / "language-en"), str(data), "--keyboard", "--baseline", str(data)]
    )
    (evaluation,) = json.loads(done.stdout)["evaluations"]
    scores, counted = evaluation["scores"]["keyboard"], evaluation["scores"]["kneser_ney_3gram_keyboard"]
    assert scores["texts"] == 3
    weights = (checkpoints / "language-en" / "model.safetensors").stat().st_size
    assert scores["parameters"] * 2 == scores["weights_bytes"]
    assert 0 < weights - scores["weights_bytes"] < 4_000  # the names and shapes
    assert counted["weights_bytes"] > 0
    assert counted["slots_3"]["savings"] > scores["slots_3"]["savings"]  # it has read the text


def test_only_language_models_have_keyboards(checkpoints: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("text,label\ngood,positive\n")
    done = CliRunner().invoke(make_app(), ["evaluate", str(checkpoints / "sentiment-en"), str(data), "--keyboard"])
    assert "--keyboard is for language models" in str(done.exception)
