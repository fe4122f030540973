"""The ladder: pairs that only order tells apart, the measures by hand, and the command itself."""

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from models.counted.ngram import METHODS, Ngram
from models.text.tokenizers import WordTokenizer
from tests.conftest import SENTENCES
from tests.trainer.test_cli import run
from trainer.evaluation.language import language_stream
from trainer.studies.ladder import figures, ladder, measures, rungs
from trainer.studies.ladder.measures import (
    GROUPS,
    Positions,
    groups_of,
    perplexity_by_length,
    perplexity_of,
    predict,
    stream_losses,
)
from trainer.studies.ladder.pairs import flipped_pairs
from trainer.studies.ladder.passages import known_passages

TEXT = ["the man sees the man and the man sees the boy", "the boy sees", "a man"]


def grams(text: str, length: int) -> Counter[tuple[str, ...]]:
    words = text.split()
    return Counter(tuple(words[at : at + length]) for at in range(len(words) - length + 1))


class TestPairs:
    @pytest.mark.parametrize("apart", [False, True])
    def test_both_have_the_same_words_and_are_in_no_training_text(self, apart: bool) -> None:
        rows, pairs = flipped_pairs(apart)
        assert len(pairs) >= 200
        texts = {text for text, _ in rows}
        known = {word for text in texts for word in text.split()}
        for pair in pairs:
            assert pair.first != pair.second
            assert grams(pair.first, 1) == grams(pair.second, 1)
            assert texts.isdisjoint(pair)
            assert known.issuperset(pair.first.split())

    def test_apart_both_have_the_same_trigrams(self) -> None:
        near, apart = flipped_pairs(), flipped_pairs(apart=True)
        assert all(grams(pair.first, 3) == grams(pair.second, 3) for pair in apart.test)
        assert all(grams(pair.first, 2) != grams(pair.second, 2) for pair in near.test)

    def test_combinations_of_a_subject_and_an_adjective_are_new(self) -> None:
        rows, pairs = flipped_pairs()
        learned = {tuple(text.split()[at : at + 2]) for text, _ in rows for at in (0, 3)}
        tested = {tuple(text.split()[at : at + 2]) for pair in pairs for text in pair for at in (0, 3)}
        assert learned.isdisjoint(tested)

    def test_labels_are_even(self) -> None:
        counts = Counter(label for _, label in flipped_pairs().train)
        assert min(counts.values()) > 0.45 * counts.total()


def counted(order: int, method: str = METHODS[0]) -> tuple[Ngram, WordTokenizer]:
    words = WordTokenizer.train(TEXT, 100, "en")
    return Ngram.count(language_stream(words, TEXT).numpy(), order, words.size, words.end_id, method), words


class TestMeasures:
    def test_a_prediction_from_a_given_context(self) -> None:
        model, words = counted(2, METHODS[1])
        positions = Positions(torch.tensor([words.encode("sees the")] * 3), torch.tensor(words.encode("man boy sees")))
        prediction = predict(model, positions)
        # after "the" came man three times and boy twice, and never sees
        assert prediction.impossible == pytest.approx(1 / 3)
        assert prediction.loss == pytest.approx(-(math.log(3 / 5) + math.log(2 / 5)) / 2, abs=1e-5)
        assert prediction.accuracy == pytest.approx(1 / 3)
        assert math.isinf(prediction.perplexity)

    def test_shuffling_keeps_the_words(self) -> None:
        stream = language_stream(counted(2)[1], TEXT * 30)
        positions = Positions.sample(stream)
        shuffled = positions.shuffled()
        assert torch.equal(positions.contexts.sort(dim=1).values, shuffled.contexts.sort(dim=1).values)
        assert torch.equal(positions.targets, shuffled.targets)
        assert not torch.equal(positions.contexts, shuffled.contexts)
        assert torch.equal(positions.last(3).contexts, positions.contexts[:, -3:])

    def test_lengths_are_those_of_the_texts(self) -> None:
        model, words = counted(3)
        stream = language_stream(words, TEXT)
        losses = stream_losses(model, stream, words.end_id)
        perplexities = perplexity_by_length(losses, stream, words.end_id)
        assert (
            perplexities
            == {
                "1 to 10": perplexity_of(losses[12:]),  # eleven words and their end come before
                "11 to 20": perplexity_of(losses[:12]),
            }
        )

    def test_groups_that_stood_in_the_counted_text(self) -> None:
        model, words = counted(3)
        stream = language_stream(words, ["the man sees a boy and"])
        groups = groups_of(stream, model, words.end_id)
        marks = {name: words.decode(stream[1:][torch.from_numpy(inside)].tolist()) for name, inside in groups.items()}
        # before the first word is the beginning alone; "a" never followed "sees", nor "boy" "a", nor "and" "boy"
        assert marks == dict(zip(GROUPS, ("man sees", "the", "a boy and"), strict=True))
        assert np.sum(list(groups.values()), axis=0).tolist() == [1] * 7


@pytest.mark.slow
def test_the_command(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(measures, "SPEED_SECONDS", 0.05)
    for module in (ladder, figures):  # without two classifiers that can do what the LSTM can
        monkeypatch.setattr(
            module, "PAIR_RUNGS", [rung for rung in rungs.PAIR_RUNGS if rung.name not in ("rnn", "gru")]
        )
    text, out = tmp_path / "text.txt", tmp_path / "ladder"
    text.write_text("\n".join(SENTENCES * 12), encoding="utf-8")
    small = ["--set", "hidden=12", "--set", "embedding=12", "--set", "epochs=2", "--set", "batch_size=2"]
    options = ["ladder", "--data", text, "--language", "en", "--vocabulary", "60", "--words", "500", *small]
    status, printed = run(capsys, monkeypatch, *options, "--threads", "1", "--out", out)
    assert status == 0, printed
    numbers = json.loads((out / "ladder.json").read_text())
    judges = numbers["judges"]
    for bag in ("bag of 1", "bag of 2", "bag of 3"):
        assert judges[bag]["texts_apart"] == 0.5, "without order, it performs at chance"
        assert judges[bag]["pairs_apart"] == 0.0
    assert judges["bag of 1"]["texts"] == 0.5
    assert judges["bag of 2"]["texts"] > 0.9
    assert judges["LSTM"]["pairs"] > 0.9
    assert judges["LSTM"]["pairs_apart"] > 0.8
    assert numbers["pairs"] >= 200
    readers = numbers["readers"]
    assert list(readers) == [
        "counts of 1",
        "counts of 2",
        "counts of 3",
        "Kneser-Ney",
        "RNN",
        "GRU",
        "LSTM",
        "Transformer",
    ]
    costs = {name: of["costs"] for name, of in readers.items()}
    assert costs["LSTM"]["10"]["state_bytes"] == costs["LSTM"]["1000"]["state_bytes"]
    assert costs["Transformer"]["10"]["state_bytes"] < costs["Transformer"]["100"]["state_bytes"]
    written = (out / "report.md").read_text()
    assert written.count("\n## ") == 6
    assert all(f"| {name} |" in written for name in (*readers, *judges))
    assert (out / "ladder.png").read_bytes().startswith(b"\x89PNG")
    assert str(tmp_path) not in (out / "lstm" / "config.json").read_text().split('"command"')[1].split("\n", 1)[1]
    trained_at = (out / "lstm" / "manifest.json").stat().st_mtime_ns
    status, _ = run(capsys, monkeypatch, *options, "--threads", "1", "--out", out)
    assert (status, (out / "lstm" / "manifest.json").stat().st_mtime_ns) == (0, trained_at)


def test_known_passages_have_no_other_words() -> None:
    texts = ["The man, the boy and the man. The boy sees a man! A stranger sees the boy.", '"The man sees," he said.']
    train, valid = known_passages(texts, ["A man sees the man. A woman sees."], 11, "en")
    assert train == ["The man, the boy and the man. The boy sees a man!"]
    assert valid == ["A man sees the man."]
    apart = [*texts, "The boy sees the man. A stranger, he said. A man sees a boy!"]
    train = known_passages(apart, [], 11, "en")[0]
    assert len(train) == 3
    assert {"The boy sees the man.", "A man sees a boy!"} < set(train)
    assert known_passages(apart, [], 11, "en", max_words=3)[0] == train[:1]


def test_too_little_text(tmp_path: Path, capsys, monkeypatch) -> None:
    text = tmp_path / "text.txt"
    text.write_text("one\ntwo\n", encoding="utf-8")
    status, printed = run(capsys, monkeypatch, "ladder", "--data", text, "--language", "en", "--out", tmp_path / "out")
    assert (status, "give --valid" in " ".join(printed.split())) == (2, True)
