"""A first run without any setting: validation data are held out, sizes fit the data, messages say what to do."""

import json
import os
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

from models import checkpoint
from models.errors import DataError
from models.kinds import KINDS
from tests.conftest import SENTENCES
from tests.trainer.test_cli import TINY, run
from tests.trainer.test_divergence import KINDS as TRAINED
from tests.trainer.test_divergence import options_for
from tests.trainer.test_pairs import Rows
from trainer.data.holdout import COPY, HoldOut
from trainer.data.skipped import Skipped
from trainer.loop import allocator
from trainer.loop.trainer import Trainer
from trainer.pipeline.options import settable
from trainer.report.summary import duration
from trainer.tasks.sizing import ENOUGH_CHARACTERS, DataSize


class TestHoldOut:
    def test_a_twentieth_of_each_label(self) -> None:
        rows = [(f"text {number}", "ab"[number % 3 == 0]) for number in range(600)]
        split = HoldOut([Rows(rows)], 1)
        held, left = list(split.valid.rows()), list(split.train.rows())
        assert Counter(label for _, label in held) == {"a": 20, "b": 10}
        assert sorted(held + left) == sorted(rows)
        assert list(HoldOut([Rows(rows)], 1).valid.rows()) == held, "the same in every run"

    def test_no_text_is_on_both_sides(self) -> None:
        rows = [(f"text {number % 37}",) for number in range(400)]
        split, skipped = HoldOut([Rows(rows[:200]), Rows(rows[200:])], 1), Skipped()
        held, left = set(split.valid.rows()), list(split.train.rows(skipped))
        assert held
        assert left
        assert not held.intersection(left)
        assert len(left) + len(list(split.valid.rows())) + skipped.counts[COPY] == 400
        pairs = [(f"left {number}", f"right {number % 50}") for number in range(400)]
        split = HoldOut([Rows(pairs)], 2)
        held_texts = {text for row in split.valid.rows() for text in row}
        assert not held_texts.intersection(text for row in split.train.rows() for text in row)

    def test_too_little(self) -> None:
        for rows, message in (
            ([(str(number),) for number in range(39)], "39 rows are too few .* give --valid"),
            ([("same",)] * 100, "too much alike .* give --valid"),
        ):
            with pytest.raises(DataError, match=message):
                list(HoldOut([Rows(rows)], 1).train.rows())

    def test_many_labels_with_few_texts_each(self) -> None:
        rows = [(f"text {number}", str(number % 30)) for number in range(60)]
        assert len(list(HoldOut([Rows(rows)], 1).valid.rows())) == 3

    @pytest.mark.parametrize("kind", [*TRAINED, "ngram", "bag"])
    def test_every_kind_does_without_valid(self, tmp_path, capsys, monkeypatch, kind: str) -> None:
        data = tmp_path / ("data.txt" if kind in ("language", "ngram") else "data.csv")
        words = [f"{SENTENCES[number % 8]} {number}" for number in range(60)]
        if data.suffix == ".txt":
            data.write_text("\n".join(words), encoding="utf-8")
        else:
            names = "source,target" if kind == "translator" else "text,label"
            lines = [f'"{text}","{number % 2 if kind != "translator" else text}"' for number, text in enumerate(words)]
            data.write_text("\n".join([names, *lines]), encoding="utf-8")
        languages = ["--languages", "en,tr"] if kind == "translator" else ["--language", "en"]
        vocabulary = ["--set", "vocabulary_size=350"]
        tiny = {"ngram": [], "bag": vocabulary}.get(kind, [*TINY[2:], *vocabulary])
        batch = ["--set", "batch_size=4"] if kind == "language" else []
        out = tmp_path / "model"
        status, printed = run(capsys, monkeypatch, kind, "--train", data, *languages, *tiny, *batch, "--out", out)
        assert status == 0, printed
        loaded = checkpoint.load(out)
        (evaluation,) = loaded.metrics["evaluations"]
        assert evaluation["data"]["name"] == f"every 20th of {data}"
        report = loaded.training["data_report"]
        assert report["validation_texts_in_training"] == [0] * KINDS[kind].text_columns
        assert report["train"]["rows"] + report["valid"]["rows"] == 60
        assert "leakage" not in printed


class TestSizes:
    @pytest.mark.parametrize("kind", ["language", "classifier", "translator", "bag"])
    def test_they_grow_with_the_data_and_are_settings(self, kind: str) -> None:
        """The law: never smaller for more data (fewer passes instead), within their ranges, and then the defaults."""
        training = KINDS[kind].load_training()
        defaults = {name: value for config in training.configurations for name, value in settable(config).items()}
        before: dict[str, float] = {}
        for power in range(3, 9):
            size = DataSize(10**power // 80, 10**power)
            sizes = training.sized(size)
            assert sizes.keys() <= defaults.keys()
            for config in training.configurations:
                share = {name: value for name, value in sizes.items() if name in settable(config)}
                if "vocabulary_size" in share or "epochs" in share:
                    config(**share)
            for name in ("vocabulary_size", "hidden", "batch_size", "batch_tokens"):
                assert sizes.get(name, 0) >= before.get(name, 0)
            assert sizes.get("epochs", 0) <= before.get("epochs", 100)
            before = sizes
        assert before["vocabulary_size"] == defaults["vocabulary_size"]
        assert before.get("epochs", 10) == 10
        assert before.get("hidden", defaults.get("hidden")) == defaults.get("hidden")

    def test_a_text_of_many_characters_gets_pieces_for_all(self) -> None:
        text = "".join(map(chr, range(0x4E00, 0x4E00 + 3000)))
        sizes = KINDS["language"].load_training().sized(DataSize.of([(text,)] * 10, 1))
        assert sizes["vocabulary_size"] >= 3000 + 256 + 2

    def test_counting_ends_where_there_is_enough(self) -> None:
        rows = iter([("x" * 1_000_000,)] * 50)
        assert DataSize.of(rows, 1).characters == ENOUGH_CHARACTERS
        assert next(rows)

    def test_what_is_set_stays(self, tmp_path, capsys, monkeypatch) -> None:
        text, out = tmp_path / "text.txt", tmp_path / "model"
        text.write_text("\n".join(f"{SENTENCES[number % 8]} {number}" for number in range(60)), encoding="utf-8")
        options = ["--train", text, "--language", "en", "--set", "hidden=8", "--set", "epochs=1"]
        status, printed = run(capsys, monkeypatch, "language", *options, "--set", "batch_size=2", "--out", out)
        assert status == 0, printed
        (line,) = [line for line in printed.splitlines() if line.startswith("chosen by the size of the data: ")]
        chosen = dict(re.findall(r"(\w+)=([\w.]+)", line))
        settings = checkpoint.load(out).training["settings"]
        assert {"hidden", "epochs", "batch_size"}.isdisjoint(chosen)
        assert (settings["hidden"], settings["epochs"], settings["batch_size"]) == (8, 1, 2)
        assert {name: str(settings[name]) for name in chosen} == chosen
        status, printed = run(
            capsys, monkeypatch, "language", *options, "--set", "tokenizer=word", "--out", tmp_path / "words"
        )
        assert status == 0, printed
        assert checkpoint.load(tmp_path / "words").training["settings"]["vocabulary_size"] == 8000


class TestTheEnd:
    @pytest.mark.parametrize("kind", [*TRAINED, "ngram", "bag"])
    def test_it_is_one_line(self, tmp_path, capsys, monkeypatch, kind: str) -> None:
        data = {"ngram": "language", "bag": "classifier"}.get(kind, kind)
        usual = options_for(data, tmp_path)
        options = usual if kind in TRAINED else [kind, *usual[1:7], "--set", "vocabulary_size=300"]
        status, printed = run(capsys, monkeypatch, *options, "--out", tmp_path / "model")
        assert status == 0, printed
        end = printed[printed.index(f"trained {tmp_path / 'model'} in ") :].splitlines()
        assert all(line.startswith("warning: ") for line in end[1:])
        score = {"language": "perplexity per word", "translator": "BLEU", "classifier": "accuracy"}[data]
        assert score in end[0]
        assert '"evaluations"' not in printed

    def test_json_for_scripts(self, tmp_path, capsys, monkeypatch) -> None:
        monkeypatch.setattr("sys.argv", ["carousel-train", *options_for("classifier", tmp_path), "--json", "--out",
                                         str(tmp_path / "model")])  # fmt: skip
        from trainer.cli.command import main

        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code
        captured = capsys.readouterr()
        assert json.loads(captured.out) == json.loads((tmp_path / "model" / "metrics.json").read_bytes())
        assert "trained " in captured.err

    def test_words_that_were_held_to_be_impossible(self, tmp_path, capsys, monkeypatch) -> None:
        """Of counts without smoothing, perplexity is infinite, and shown so."""
        text, other = tmp_path / "text.txt", tmp_path / "other.txt"
        text.write_text("a man sees a boy\n" * 50, encoding="utf-8")
        other.write_text("a boy sees a man\n", encoding="utf-8")
        settings = ["--language", "en", "--set", "tokenizer=word", "--set", "method=maximum-likelihood"]
        options = ["ngram", "--train", text, "--valid", other, *settings, "--out", tmp_path / "model"]
        status, printed = run(capsys, monkeypatch, *options)
        assert status == 0, printed
        assert "perplexity per word ∞ on " in printed
        assert "perplexity_per_word ∞ |" in (tmp_path / "model" / "README.md").read_text("utf-8")
        _, printed = run(capsys, monkeypatch, "compare", tmp_path / "model", tmp_path / "model")
        assert printed.count("∞") >= 2

    @pytest.mark.parametrize(
        ("kind", "sentences"),
        [
            (
                "translator",
                ("(untranslated: ", "this model is no better than texts that are left as they are: BLEU "),
            ),
            ("language", ("warning: this model is worse than counting words: perplexity", "carousel-train ngram")),
        ],
    )
    def test_worse_than_something_simpler(self, tmp_path, capsys, monkeypatch, kind: str, sentences) -> None:
        options = [*options_for(kind, tmp_path), "--set", "learning_rate=1e-9", "--out", tmp_path / "model"]
        status, printed = run(capsys, monkeypatch, *options)
        assert status == 0
        for sentence in (*sentences, "docs/training.md"):
            assert sentence in printed

    def test_worse_than_the_most_frequent_label(self, tmp_path, capsys, monkeypatch) -> None:
        data = tmp_path / "labelled.csv"
        rows = [f'"{text}",{"b" if index % 4 else "a"}' for index, text in enumerate(SENTENCES * 4)]
        data.write_text("text,label\n" + "\n".join(rows), encoding="utf-8")
        options = ["--train", data, "--valid", data, *TINY, "--set", "learning_rate=1e-9", "--out", tmp_path / "model"]
        status, printed = run(capsys, monkeypatch, "classifier", *options)
        assert status == 0
        assert "warning: this model is no better than always answering the most frequent label: accuracy" in printed
        assert "75.0% of the texts have that label" in printed

    def test_durations(self) -> None:
        assert [duration(seconds) for seconds in (3.2, 89, 700, 12_600)] == ["3 s", "89 s", "12 min", "3.5 h"]


class TestTheBeginning:
    @pytest.mark.parametrize("kind", TRAINED)
    def test_measuring_the_time_changes_nothing(self, tmp_path, capsys, monkeypatch, kind: str) -> None:
        options = options_for(kind, tmp_path)
        status, printed = run(capsys, monkeypatch, *options, "--out", tmp_path / "timed")
        assert status == 0
        assert re.search(
            r"^\d+ steps, about \d+ s at most without the evaluations \(.* on 1 thread", printed, re.MULTILINE
        )
        monkeypatch.setattr(Trainer, "seconds_per_step", lambda _: None)
        assert run(capsys, monkeypatch, *options, "--out", tmp_path / "other")[0] == 0
        weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("timed", "other")]
        assert weights[0] == weights[1]

    def test_blank_labels_are_counted_with_file_and_line(self, tmp_path, capsys, monkeypatch) -> None:
        data, out = tmp_path / "labelled.csv", tmp_path / "model"
        rows = [f'"{text}";{index % 2}' for index, text in enumerate(SENTENCES)]
        data.write_bytes(("text;label\r\n" + "\r\n".join([*rows, "a;", "b; ", ";1"])).encode("windows-1254"))
        options = ["--train", data, "--valid", data, "--encoding", "windows-1254", *TINY, "--out", out]
        status, printed = run(capsys, monkeypatch, "classifier", *options)
        assert status == 0, printed
        for split in ("train", "validation"):
            assert f"warning: {split} data: skipped for a blank label: 2 rows, the first {data}: line 10" in printed
        training = checkpoint.load(out).training
        assert training["data_report"]["skipped"]["train"] == {"blank label": 2, "blank text": 1}
        assert training["data"]["train"][0]["encoding"] == "cp1254"

    @pytest.mark.parametrize(
        ("text", "size", "message"),
        [
            ("the dog sees the man\n" * 50, 20, r"vocabulary_size is 20, and this text needs \d+ or more"),
            ("the dog\nthe \0 man\n" * 50, 300, r"text\.txt: line 2: a NUL character"),
        ],
    )
    def test_vocabularies_in_words_of_ours(self, tmp_path, capsys, monkeypatch, text, size: int, message: str) -> None:
        """The law: nothing of SentencePiece's own words reaches the user."""
        data = tmp_path / "text.txt"
        data.write_text(text)
        options = ["--train", data, "--valid", data, "--language", "en", "--set", f"vocabulary_size={size}"]
        status, printed = run(capsys, monkeypatch, "language", *options, "--out", tmp_path / "model")
        assert (status, bool(re.search(message, printed)), str(data) in printed) == (2, True, True), printed
        assert not re.search(r"INTERNAL|\.cc|vocab_size|required_chars|character_coverage", printed)

    def test_a_vocabulary_larger_than_the_text(self, tmp_path, capsys, monkeypatch) -> None:
        """It gets the pieces that there are, and the report says how many."""
        options = options_for("language", tmp_path)
        status, printed = run(
            capsys, monkeypatch, *options, "--set", "vocabulary_size=100000", "--out", tmp_path / "model"
        )
        assert status == 0, printed
        assert re.search(rf"vocabulary +│ +{checkpoint.load(tmp_path / 'model').tokenizer.size:,} ", printed)


class TestThreads:
    def test_cores_of_a_container(self, tmp_path: Path) -> None:
        quota = tmp_path / "cpu.max"
        all_cores = allocator.usable_cores(tmp_path / "none")
        for content, cores in (("100000 100000", 1), ("50000 100000", 1), ("max 100000", all_cores), ("?", all_cores)):
            quota.write_text(content)
            assert allocator.usable_cores(quota) == cores

    def test_threads_wait_without_spinning(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Unless a person says otherwise; a process that has all settings is not started again."""
        started: list[dict[str, str]] = []
        monkeypatch.setattr(os, "execve", lambda _, __, environment: started.append(environment))
        monkeypatch.setattr(sys, "platform", "linux")
        for name in allocator.SETTINGS:
            monkeypatch.delenv(name, raising=False)
        allocator.set_up_process()
        assert started[0]["OMP_WAIT_POLICY"] == "PASSIVE"
        monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
        allocator.set_up_process()
        assert started[1]["OMP_WAIT_POLICY"] == "ACTIVE"
        assert started[1].items() >= (allocator.SETTINGS | {"OMP_WAIT_POLICY": "ACTIVE"}).items()
        for name, value in allocator.SETTINGS.items():
            monkeypatch.setenv(name, value)
        allocator.set_up_process()
        assert len(started) == 2

    def test_threads_of_the_command(self) -> None:
        from trainer.cli.options import use_threads

        before = torch.get_num_threads()
        try:
            use_threads(0)
            assert 1 <= torch.get_num_threads() <= before
        finally:
            torch.set_num_threads(before)
