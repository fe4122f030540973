"""What a person meets: clear errors before anything is trained, a run that can be stopped, true numbers."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from models import checkpoint
from models.networks.classifier import Classifier, ClassifierConfig
from models.networks.language_model import LanguageModel
from tests.conftest import SENTENCES
from trainer.cli import command as carousel_train
from trainer.loop.allocator import SETTINGS
from trainer.pipeline import plan, steps
from trainer.pipeline.session import version_of
from trainer.recipes import Recipe, recipe_names
from trainer.tasks.kinds import CLASSIFIER
from trainer.tasks.transfer import transfer

TINY = [
    "--language",
    "en",
    "--set",
    "epochs=2",
    "--set",
    "hidden=8",
    "--set",
    "embedding=8",
    "--set",
    "vocabulary_size=300",
]


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> tuple[int, str]:
    """Run `carousel-train` in this process; return its status and what it printed."""
    monkeypatch.setattr(sys, "argv", ["carousel-train", *map(str, arguments)])
    try:
        carousel_train.main()
        status = 0
    except SystemExit as stop:
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out + captured.err


def command_to_kill(folder: Path, epochs: int, evaluations_per_epoch: int) -> list[str]:
    """A run in a process of its own, long enough to be killed; what follows is its output folder."""
    text = folder / "text.txt"
    text.write_text("\n".join(SENTENCES * 12), encoding="utf-8")
    return [
        sys.executable, "-m", "trainer.cli", "language", "--train", str(text), "--valid", str(text),
        "--threads", "1", *TINY, "--set", f"epochs={epochs}", "--set", "batch_size=4", "--set", "hidden=64", "--set",
        "bptt=8", "--set", f"evaluations_per_epoch={evaluations_per_epoch}", "--set", "average_decay=0.9", "--out",
    ]  # fmt: skip


class TestBadData:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "no text in it"),
            (b'{"text": "a"}\n', "line 1: no column 'label'"),
            (b'{"text": "a", "label": "x"}\n{"text": "b", "label": "x"}\n', "all training texts have the label 'x'"),
            (b'{"text": "a", "label": "x"}\n{"text": "\xe7", "label": "y"}\n', "line 2: byte 0xE7 is not UTF-8"),
            (b'{"text": "\\ud800", "label": "x"}\n', "line 1: column 'text' has a lone surrogate"),
            (b'{"text": "a", "label": " "}\n', "blank label: 1 row, the first"),
            (b'{"text": " ", "label": "x"}\n', "the training data has no row without a blank text"),
        ],
    )
    def test_one_clear_line(self, tmp_path, labelled, capsys, monkeypatch, content: bytes, message: str) -> None:
        bad = tmp_path / "bad.jsonl"
        bad.write_bytes(content)
        out = tmp_path / "model"
        status, printed = run(
            capsys, monkeypatch, "classifier", "--train", bad, "--valid", labelled, "--out", out, *TINY
        )
        assert (status, "error:" in printed, message in printed) == (2, True, True)
        assert "Traceback" not in printed
        assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.jsonl", "labelled.jsonl"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--set", "hiden=3"], "no setting 'hiden'; did you mean hidden? there are"),
            (["--set", "zzz=3"], "no setting 'zzz'; there are"),
            (["--set", "hidden=many"], "hidden is 'many'; it must be a whole number"),
            (["--set", "hidden"], "not of the form name=value"),
            (["--language", ""], "say what language the text is in"),
            (["--set", "hidden=-1"], "hidden is -1"),
            (["--set", "tokenizer=letters"], "must be subword, word, wordpunct"),
            (["--recipe", "soup"], "no recipe 'soup'"),
            (["--device", "tpu"], "none of auto, cpu, cuda"),
            (["--set", "vocabulary_size=-5"], "vocabulary_size is -5; it must be a whole number from 3"),
            (["--set", "resamples=1"], "resamples is 1; it must be 0, or 2 or more"),
            (["--set", "average_decay=2"], "average_decay is 2"),
            (["--set", "nonmono=5"], "patience must be larger"),
            (["--from", "nowhere"], "nowhere: no such checkpoint directory"),
            (["--tensorboard", __file__], "can't be created"),
        ],
    )
    def test_bad_options(self, tmp_path, labelled, capsys, monkeypatch, arguments: list[str], message: str) -> None:
        status, printed = run(
            capsys, monkeypatch, "classifier", "--train", labelled, "--valid", labelled, "--out", tmp_path / "model",
            "--language", "en", *arguments,
        )  # fmt: skip
        assert (status, message in printed) == (2, True), printed

    def test_blank_validation_text(self, tmp_path, labelled, capsys, monkeypatch) -> None:
        blank = tmp_path / "blank.jsonl"
        blank.write_text('{"text": " ", "label": "good"}\n')
        status, printed = run(
            capsys, monkeypatch, "classifier", "--train", labelled, "--valid", blank, "--out", tmp_path / "model", *TINY
        )
        assert (status, "validation data has no row without a blank text" in printed) == (2, True), printed
        assert not (tmp_path / "model.training").exists()

    def test_labels_are_not_markup(self, tmp_path, capsys, monkeypatch) -> None:
        odd = tmp_path / "odd.jsonl"
        rows = [{"text": text, "label": ("[/x]", "$%_$")[index % 2]} for index, text in enumerate(SENTENCES)]
        odd.write_text("".join(json.dumps(row) + "\n" for row in rows))
        status, printed = run(
            capsys, monkeypatch, "classifier", "--train", odd, "--valid", odd, "--out", tmp_path / "model", *TINY
        )
        assert status == 0, printed
        assert "label [/x]" in printed
        assert "label $%_$" in printed

    def test_a_checkpoint_is_never_overwritten(self, tmp_path, labelled, capsys, monkeypatch) -> None:
        (tmp_path / "model").mkdir()
        options = ["--train", labelled, "--valid", labelled, "--out", tmp_path / "model", "--language", "en"]
        status, printed = run(capsys, monkeypatch, "classifier", *options)
        assert status == 2
        assert "exists already" in printed
        (tmp_path / "model" / "metrics.json").write_text('{"evaluations": [{}]}')
        (tmp_path / "model.training").mkdir()  # killed in its very last act
        status, printed = run(capsys, monkeypatch, "classifier", *options)
        assert status == 2
        assert "exists already" in printed

    def test_a_damaged_state_is_named(self, tmp_path, labelled, capsys, monkeypatch) -> None:
        (tmp_path / "model.training").mkdir()
        (tmp_path / "model.training" / "state.pt").write_bytes(b"nonsense")
        status, printed = run(
            capsys, monkeypatch, "classifier", "--train", labelled, "--valid", labelled, "--out", tmp_path / "model",
            "--resume", *TINY,
        )  # fmt: skip
        assert (status, "state.pt: damaged" in printed, "Traceback" in printed) == (2, True, False), printed

    def test_a_column_that_is_no_label(self, tmp_path, labelled, capsys, monkeypatch) -> None:
        monkeypatch.setattr("trainer.data.corpus.MAX_LABELS", 1)
        status, printed = run(
            capsys, monkeypatch, "classifier", "--train", labelled, "--valid", labelled, "--out", tmp_path / "m", *TINY
        )
        assert (status, "different labels, and 1 are the most: is it the right column?" in printed) == (2, True)


class TestTrainAndEvaluate:
    def test_metrics_are_what_evaluate_prints(self, tmp_path, labelled, capsys, monkeypatch) -> None:
        out = tmp_path / "model"
        status, printed = run(
            capsys, monkeypatch, "classifier", "--train", labelled, "--valid", labelled, "--out", out,
            *TINY,
        )  # fmt: skip
        assert status == 0, printed
        assert sorted(path.name for path in tmp_path.iterdir()) == ["labelled.jsonl", "model"]
        status, printed = run(capsys, monkeypatch, "evaluate", out, labelled)
        assert status == 0
        assert json.loads(printed) == json.loads((out / "metrics.json").read_bytes())
        records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
        assert [record["step"] for record in records] == sorted(record["step"] for record in records)
        assert (out / "curves.png").read_bytes().startswith(b"\x89PNG")
        card = (out / "README.md").read_text(encoding="utf-8")
        assert "carousel-train classifier" in card
        settings = checkpoint.load(out, "cpu").training["settings"]
        assert settings | {"seed": 1, "epochs": 2, "patience": 5, "vocabulary_size": 300} == settings
        assert settings["precision"] in ("float32", "bfloat16")
        assert "accuracy" in card

    @pytest.mark.parametrize("kind", ["language", "translator"])
    def test_so_they_are_for_the_other_kinds(self, tmp_path, capsys, monkeypatch, kind: str) -> None:
        text, pairs = tmp_path / "text.txt", tmp_path / "pairs.tsv"
        text.write_text("\n".join(SENTENCES * 8), encoding="utf-8")
        lines = [f"{left}\t{right}" for left, right in zip(SENTENCES[:4], SENTENCES[4:], strict=True)]
        pairs.write_text("\n".join(lines), encoding="utf-8")
        data, options, baseline = {
            "language": (text, [*TINY, "--set", "batch_size=4"], ["--baseline", text]),
            "translator": (pairs, ["--languages", "EN,tr", *TINY[2:]], []),
        }[kind]
        out = tmp_path / "model"
        status, printed = run(capsys, monkeypatch, kind, "--train", data, "--valid", data, "--out", out, *options)
        assert status == 0, printed
        status, printed = run(capsys, monkeypatch, "evaluate", out, data, *baseline)
        assert status == 0, printed
        metrics = json.loads((out / "metrics.json").read_bytes())
        assert json.loads(printed) == metrics
        score = {"language": "kneser_ney_3gram_perplexity_per_word", "translator": "en-tr"}[kind]
        assert score in metrics["evaluations"][0]["scores"]

    def test_quality_is_calibrated(self, tmp_path, checkpoints, capsys, monkeypatch) -> None:
        """It is part of the checkpoint and its card from then on, also when the card is written again."""
        out, pairs = tmp_path / "model", tmp_path / "pairs.tsv"
        shutil.copytree(checkpoints / "translation-en-tr", out)
        rows = [f"{left} {number}\t{left}" for number, left in enumerate(SENTENCES * 3)]
        pairs.write_text("\n".join(rows), encoding="utf-8")
        status, printed = run(capsys, monkeypatch, "calibrate", out, pairs, "--pairs", 20)
        assert status == 0, printed
        quality = json.loads(printed)
        assert quality == json.loads((out / checkpoint.QUALITY).read_bytes())
        assert quality["fitted_texts"] == quality["reliability"]["texts"] == 20
        assert abs(quality["reliability"]["estimate"] - quality["reliability"]["chrf2"]) < 0.05
        assert sum(one["texts"] for one in quality["reliability"]["tenths"]) == 20
        assert list(quality["reliability"]["groups"]) == [f"{pairs} en-tr", f"{pairs} tr-en"]
        assert checkpoint.load(out).quality is not None
        card = (out / "README.md").read_text(encoding="utf-8")
        section = card[card.index("## Quality") : card.index("## Limits")]
        assert f"| {pairs} tr-en | 10 |" in section
        status, printed = run(capsys, monkeypatch, "evaluate", out, pairs, "--save", "--set", "resamples=0")
        assert status == 0, printed
        assert section in (out / "README.md").read_text(encoding="utf-8")
        again = tmp_path / "again"
        shutil.copytree(checkpoints / "translation-en-tr", again)
        assert run(capsys, monkeypatch, "calibrate", again, pairs, "--pairs", 20)[0] == 0
        assert (again / checkpoint.QUALITY).read_bytes() == (out / checkpoint.QUALITY).read_bytes()

    def test_only_translators_have_a_quality(self, tmp_path, checkpoints, capsys, monkeypatch) -> None:
        few = tmp_path / "few.tsv"
        few.write_text("a\tb\n" * 19, encoding="utf-8")
        status, printed = run(capsys, monkeypatch, "calibrate", checkpoints / "sentiment-en", few)
        assert (status, "only a translator's quality can be calibrated" in printed) == (2, True)
        status, printed = run(capsys, monkeypatch, "calibrate", checkpoints / "translation-en-tr", few)
        assert (status, "few.tsv: 19 pairs; 20 are the least" in printed) == (2, True)

    def test_unknown_labels_are_named(self, tmp_path, labelled, capsys, monkeypatch) -> None:
        out = tmp_path / "model"
        run(capsys, monkeypatch, "classifier", "--train", labelled, "--valid", labelled, "--out", out, *TINY)
        other = tmp_path / "other.jsonl"
        other.write_text('{"text": "a", "label": "mixed"}\n')
        status, printed = run(capsys, monkeypatch, "evaluate", out, other)
        assert (status, "label 'mixed' is none of the model's: bad, good" in printed) == (2, True)


class TestTransfer:
    @pytest.fixture
    def base(self, tmp_path, capsys, monkeypatch) -> Path:
        text = tmp_path / "text.txt"
        text.write_text("\n".join(SENTENCES * 8), encoding="utf-8")
        out = tmp_path / "base"
        options = [*TINY, "--set", "batch_size=4", "--set", "backward=true", "--set", "layers=2"]
        status, printed = run(capsys, monkeypatch, "language", "--train", text, "--valid", text, "--out", out, *options)
        assert status == 0, printed
        return out

    def test_it_reads_as_the_language_model_does(self, base) -> None:
        start = checkpoint.load(base, torch.device("cpu")).model
        assert isinstance(start, LanguageModel)
        sizes: dict[str, Any] = CLASSIFIER.inherit(start, {"dropout": 0.5})
        model = Classifier(ClassifierConfig(start.config.vocabulary, ("bad", "good"), **sizes)).eval()
        transfer(start, model)
        ids = torch.randint(0, start.config.vocabulary, (3, 9))
        hidden = model.hidden_states(ids, torch.tensor([9, 9, 9]))
        torch.testing.assert_close(hidden[..., :8], start.hidden_states(ids)[0])
        torch.testing.assert_close(hidden[..., 8:], start.backward_hidden_states(ids))

    def test_from_the_command_line(self, base, tmp_path, labelled, capsys, monkeypatch) -> None:
        options = ["--train", labelled, "--valid", labelled, "--language", "en", "--from", base]
        out = tmp_path / "model"
        gradual = ["--set", "epochs=2", "--set", "unfreeze_epochs=0.5", "--set", "layer_rate_decay=0.4"]
        status, printed = run(capsys, monkeypatch, "classifier", *options, *gradual, "--out", out)
        assert status == 0, printed
        loaded, start = (checkpoint.load(path, torch.device("cpu")) for path in (out, base))
        assert loaded.training["start"] == {"name": "base", "version": start.version}
        assert loaded.tokenizer.to_bytes() == start.tokenizer.to_bytes()
        assert loaded.model.config.layers == 2
        for setting, message in (
            ("hidden=9", "hidden is 9.* has 8"),
            ("vocabulary_size=9", "vocabulary_size is decided"),
        ):
            status, printed = run(
                capsys, monkeypatch, "classifier", *options, "--set", setting, "--out", tmp_path / "other"
            )
            assert status == 2
            assert re.search(message, " ".join(printed.split()))

    def test_a_classifier_goes_on(self, base, tmp_path, labelled, capsys, monkeypatch) -> None:
        options = ["--train", labelled, "--valid", labelled, "--language", "en"]
        first, out = tmp_path / "first", tmp_path / "model"
        status, printed = run(capsys, monkeypatch, "classifier", *options, *TINY, "--out", first)
        assert status == 0, printed
        still = ["--set", "epochs=1", "--set", "learning_rate=1e-12"]
        status, printed = run(capsys, monkeypatch, "classifier", *options, *still, "--from", first, "--out", out)
        assert status == 0, printed
        loaded, start = (checkpoint.load(path, torch.device("cpu")) for path in (out, first))
        assert loaded.training["start"] == {"name": "first", "version": start.version}
        for name, value in loaded.model.state_dict().items():
            if not name.startswith("head."):  # calibrated anew
                torch.testing.assert_close(value, start.model.state_dict()[name], atol=1e-4, rtol=0)
        other = tmp_path / "other.jsonl"
        rows = [{"text": f"{word} text", "label": word} for word in ("up", "down") * 20]
        other.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        data = ["--train", other, "--valid", other, "--language", "en", "--from", first]
        status, printed = run(capsys, monkeypatch, "classifier", *data, *still, "--out", tmp_path / "third")
        assert status == 2
        assert re.search("--from has the labels .*, and the training texts 'down', 'up'", " ".join(printed.split()))
        data = ["--train", labelled, "--valid", labelled, "--language", "en", "--from", out]
        status, printed = run(capsys, monkeypatch, "language", *data, *still, "--out", tmp_path / "third")
        assert (status, "training starts from a language model" in " ".join(printed.split())) == (2, True)

    def test_a_language_model_goes_on(self, base, tmp_path, capsys, monkeypatch) -> None:
        other, out = tmp_path / "other.txt", tmp_path / "model"
        other.write_text("the dog sees the cat\n" * 40, encoding="utf-8")
        options = ["--train", other, "--valid", other, "--language", "en", "--from", base, "--out", out]
        still = ["--set", "epochs=1", "--set", "learning_rate=1e-12", "--set", "batch_size=4"]
        status, printed = run(capsys, monkeypatch, "language", *options, *still)
        assert status == 0, printed
        loaded, start = (checkpoint.load(path, torch.device("cpu")) for path in (out, base))
        assert loaded.tokenizer.to_bytes() == start.tokenizer.to_bytes()
        assert loaded.model.config.backward
        for name, value in loaded.model.state_dict().items():
            torch.testing.assert_close(value, start.model.state_dict()[name], atol=1e-4, rtol=0)
        options[-1] = tmp_path / "third"
        status, printed = run(capsys, monkeypatch, "language", *options, "--set", "backward=false")
        assert (status, "backward is False" in printed) == (2, True)

    def test_a_translator_goes_on(self, tmp_path, capsys, monkeypatch) -> None:
        pairs, out = tmp_path / "pairs.tsv", tmp_path / "model"
        pairs.write_text(
            "".join(f"Read file {n} of Tom.\tTom {n} dosyasını oku.\n" for n in range(90)), encoding="utf-8"
        )
        data = ["--train", pairs, "--valid", pairs, "--languages", "en,tr"]
        sizes = ["--set", "vocabulary_size=340", "--set", "hidden=8", "--set", "embedding=8", "--set", "copying=true"]
        quick = ["--set", "epochs=1", "--set", "scored_pairs=0", "--set", "resamples=0", "--set", "beam_size=1"]
        symbols = ["--set", "symbols=true"]
        base = tmp_path / "base"
        status, printed = run(capsys, monkeypatch, "translator", *data, *sizes, *quick, *symbols, "--out", base)
        assert status == 0, printed
        still = [*quick, "--from", base, "--set", "learning_rate=1e-12"]
        status, printed = run(capsys, monkeypatch, "translator", *data, *still, "--out", out)
        assert status == 0, printed
        loaded, start = (checkpoint.load(path, torch.device("cpu")) for path in (out, base))
        assert loaded.training["start"] == {"name": "base", "version": start.version}
        assert loaded.tokenizer.to_bytes() == start.tokenizer.to_bytes()
        assert loaded.training["settings"]["symbols"]
        for name, value in loaded.model.state_dict().items():
            torch.testing.assert_close(value, start.model.state_dict()[name], atol=1e-4, rtol=0)
        for options, message in (
            (["--set", "hidden=10"], "hidden is 10.* has 8"),
            (["--set", "symbols=false"], "symbols is decided by the model of --from"),
            (["--one-way"], "translates en to tr and tr to en"),
        ):
            status, printed = run(
                capsys, monkeypatch, "translator", *data, *still, *options, "--out", tmp_path / "other"
            )
            assert status == 2
            assert re.search(message, " ".join(printed.split()))

    @pytest.mark.slow
    def test_a_recipe_with_a_base_is_one_command(self, tmp_path, labelled, capsys, monkeypatch) -> None:
        text = tmp_path / "text.txt"
        text.write_text("\n".join(SENTENCES * 8), encoding="utf-8")
        small = {"epochs": 1, "hidden": 8, "embedding": 8}
        known = {
            "read": Recipe("language", "", ("en",), (str(text),), (str(text),), settings={
                **small, "vocabulary_size": 300, "batch_size": 4}),
            "read on": Recipe("language", "", ("en",), (str(text),), (str(text),), base="read", settings={
                "epochs": 1, "batch_size": 4}),
            "judge": Recipe("classifier", "", ("en",), (str(labelled),), (str(labelled),), base="read on",
                settings={"epochs": 1}),
        }  # fmt: skip
        monkeypatch.setattr(plan, "recipe_names", lambda kind="": [n for n, r in known.items() if r.kind == kind])
        for module in (plan, steps):
            monkeypatch.setattr(module, "load_recipe", known.get)
        status, printed = run(capsys, monkeypatch, "classifier", "--recipe", "judge", "--out", tmp_path / "model")
        assert status == 0, printed
        loaded = checkpoint.load(tmp_path / "model", torch.device("cpu"))
        assert loaded.training["start"]["name"] == "model.base"
        base = checkpoint.load(tmp_path / "model.base", torch.device("cpu"))
        assert (base.kind, base.training["start"]["name"]) == ("language", "model.base.base")
        # both are there now, and are known to be what the recipes make
        shutil.rmtree(tmp_path / "model")
        status, printed = run(capsys, monkeypatch, "classifier", "--recipe", "judge", "--out", tmp_path / "model")
        assert status == 0, printed
        assert checkpoint.load(tmp_path / "model", torch.device("cpu")).training["start"]["version"] == base.version


class TestSeeing:
    def test_the_data_are_reported_and_leaks_named(self, tmp_path, labelled, capsys, monkeypatch) -> None:
        out = tmp_path / "model"
        status, printed = run(
            capsys, monkeypatch, "classifier", "--train", labelled, "--valid", labelled, "--out", out, *TINY
        )
        assert status == 0
        count = len(SENTENCES)
        assert f"warning: {count} of {count} validation texts are in the training data too" in printed
        assert "label good" in printed
        report = checkpoint.load(out, torch.device("cpu")).training["data_report"]
        assert report["train"]["labels"] == {"bad": count // 2, "good": count // 2}
        assert report["validation_texts_in_training"] == [count]

    def test_compare_and_tensorboard(self, tmp_path, labelled, capsys, monkeypatch) -> None:
        event_file = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
        for name, epochs in (("one", 1), ("two", 3)):
            status, printed = run(
                capsys, monkeypatch, "classifier", "--train", labelled, "--valid", labelled, "--out", tmp_path / name,
                *TINY, "--set", f"epochs={epochs}", "--tensorboard", tmp_path / "events" / name,
            )  # fmt: skip
            assert status == 0, printed
        picture = tmp_path / "curves.png"
        status, printed = run(capsys, monkeypatch, "compare", tmp_path / "one", tmp_path / "two", "--plot", picture)
        assert status == 0, printed
        assert "setting epochs" in printed
        assert "labelled.jsonl: accuracy" in printed
        assert "setting hidden" not in printed, "it is the same in both"
        assert picture.read_bytes().startswith(b"\x89PNG")
        events = event_file.EventAccumulator(str(tmp_path / "events" / "two"))
        events.Reload()
        logged = [json.loads(line) for line in (tmp_path / "two" / "log.jsonl").read_text().splitlines()]
        scalars = events.Scalars("validation/accuracy")[: len(logged)]
        assert [event.step for event in scalars] == [record["step"] for record in logged]
        status, printed = run(capsys, monkeypatch, "compare", tmp_path / "one")
        assert (status, "two or more" in printed) == (2, True)

    def test_recipes(self, capsys, monkeypatch) -> None:
        status, printed = run(capsys, monkeypatch, "recipes")
        assert status == 0
        assert all(name in printed for name in recipe_names())


class TestProcesses:
    @pytest.mark.slow
    def test_two_processes_are_one(self, tmp_path: Path) -> None:
        """The same losses, to rounding, for the same batches, whatever computes them."""
        text = tmp_path / "text.txt"
        text.write_text("\n".join(SENTENCES * 8), encoding="utf-8")
        options = [
            "language", "--train", text, "--valid", text, "--threads", "1", *TINY, "--set", "batch_size=5",
            "--set", "bptt=8", "--set", "dropout=0", "--set", "hidden_dropout=0",
            "--set", "evaluations_per_epoch=4", "--set", "precision=float32", "--set", "optimizer=sgd",
            "--set", "learning_rate=3", "--set", "clip_norm=1000", "--out",
        ]  # fmt: skip
        alone = [sys.executable, "-m", "trainer.cli"]
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        for command, name in (
            (alone, "one"), ([*torchrun, "-m", "trainer.cli"], "two"),
        ):  # fmt: skip
            line = [*command, *map(str, options), str(tmp_path / name)]
            done = subprocess.run(line, check=False, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-2000:]
        one, two = (
            [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
            for name in ("one", "two")
        )
        assert [record["train_loss"] for record in one] == pytest.approx([r["train_loss"] for r in two], rel=1e-4)
        assert [r["scores"]["perplexity_per_word"] for r in one] == pytest.approx(
            [r["scores"]["perplexity_per_word"] for r in two], rel=1e-3
        )


def _smallest_file_that_stops_it(limit: int) -> None:
    """In the child: no file may grow beyond limit, as on a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


class TestFullDisk:
    @pytest.mark.slow
    def test_a_clear_error_and_the_last_checkpoint_whole(self, tmp_path: Path) -> None:
        """The state of a run is larger than its checkpoint: at some size one fits and the other does not."""
        text = tmp_path / "text.txt"
        text.write_text("\n".join(SENTENCES * 8), encoding="utf-8")
        out = tmp_path / "model"
        done = subprocess.run(
            [
                sys.executable, "-m", "trainer.cli", "language", "--train", str(text), "--valid", str(text),
                "--threads", "1", *TINY, "--set", "batch_size=4", "--set", "hidden=64", "--set", "embedding=64",
                "--out", str(out),
            ],
            check=False, preexec_fn=partial(_smallest_file_that_stops_it, 300_000), capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        assert re.search(r"error: .*state\.pt: can't be written", done.stderr)
        assert checkpoint.load(out, torch.device("cpu")).kind == "language"
        assert not (tmp_path / "model.training" / "state.pt.partial").exists()


def _written_since(path: Path, moment: int) -> bool:
    try:
        return path.stat().st_mtime_ns > moment
    except FileNotFoundError:
        return False


class TestKill:
    @pytest.mark.slow
    def test_killed_and_resumed_is_uninterrupted(self, tmp_path: Path) -> None:
        """The command itself, killed with SIGKILL in the middle, ends with the same weights."""
        text = tmp_path / "text.txt"
        text.write_text("\n".join(SENTENCES * 12), encoding="utf-8")
        command = [
            sys.executable, "-m", "trainer.cli", "language", "--train", str(text), "--valid", str(text),
            "--threads", "1", *TINY, "--set", "epochs=4", "--set", "batch_size=4",
            "--set", "bptt=8", "--set", "evaluations_per_epoch=1", "--out",
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONWARNINGS": "default"}
        subprocess.run([*command, str(tmp_path / "whole")], check=True, env=environment, capture_output=True)

        process = subprocess.Popen([*command, str(tmp_path / "killed")], env=environment, stdout=subprocess.DEVNULL)
        state = tmp_path / "killed.training" / "state.pt"
        deadline = time.monotonic() + 120
        while not state.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
        subprocess.run(
            [*command, str(tmp_path / "killed"), "--resume"], check=True, env=environment, capture_output=True
        )
        whole, killed = (tmp_path / name / "model.safetensors" for name in ("whole", "killed"))
        assert killed.read_bytes() == whole.read_bytes()
        assert not state.parent.exists()

    @pytest.mark.slow
    def test_killed_again_and_again(self, tmp_path: Path) -> None:
        """Also while it writes its state, and before it has one; nothing is lost but the steps since the last."""
        command = command_to_kill(tmp_path, epochs=3, evaluations_per_epoch=3)
        subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)
        killed = tmp_path / "killed"
        work = tmp_path / "killed.training"
        ends = []
        for awaited in ("corpus", "state.pt.partial", "state.pt.partial"):
            resume = ["--resume"] if (work / "state.pt").exists() else []
            process = subprocess.Popen([*command, str(killed), *resume], stdout=subprocess.DEVNULL)
            before = time.time_ns()
            while process.poll() is None and not _written_since(work / awaited, before):
                pass
            process.kill()
            ends.append(process.wait())
        assert ends[0] == -signal.SIGKILL
        assert ends.count(-signal.SIGKILL) > 1, "no write of a state was met"
        resume = ["--resume"] if (work / "state.pt").exists() else []
        if work.exists():
            subprocess.run([*command, str(killed), *resume], check=True, capture_output=True)
        assert (killed / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()

    def test_another_run_is_not_resumed(self, tmp_path, labelled, capsys, monkeypatch) -> None:
        status, printed = run(
            capsys, monkeypatch, "classifier", "--train", labelled, "--valid", labelled,
            "--out", tmp_path / "none", "--resume", *TINY,
        )  # fmt: skip
        assert (status, "no run to resume" in printed) == (2, True)


class TestNgram:
    @pytest.mark.parametrize("method", ["kneser-ney", "maximum-likelihood"])
    def test_it_counts_and_measures(self, tmp_path, capsys, monkeypatch, method) -> None:
        text, out = tmp_path / "text.txt", tmp_path / "model"
        text.write_text("\n".join(SENTENCES * 3), encoding="utf-8")
        options = [
            "--train",
            text,
            "--valid",
            text,
            "--language",
            "en",
            "--set",
            "order=3",
            "--set",
            f"method={method}",
        ]
        status, printed = run(capsys, monkeypatch, "ngram", *options, "--out", out)
        assert status == 0, printed
        loaded = checkpoint.load(out)
        assert (loaded.kind, loaded.model.config.order, loaded.model.config.method) == ("ngram", 3, method)
        (evaluation,) = loaded.metrics["evaluations"]
        assert 1 < evaluation["scores"]["perplexity_per_word"] < 20
        assert "Made in" in loaded.card
        status, printed = run(capsys, monkeypatch, "evaluate", out, text)
        assert status == 0
        assert json.loads(printed)["evaluations"] == loaded.metrics["evaluations"]
        status, printed = run(capsys, monkeypatch, "ngram", *options, "--out", out)
        assert (status, "exists already" in printed) == (2, True)

    def test_what_was_never_seen_has_no_likelihood(self, tmp_path, capsys, monkeypatch) -> None:
        text, other, out = tmp_path / "text.txt", tmp_path / "other.txt", tmp_path / "model"
        text.write_text("\n".join(SENTENCES * 3), encoding="utf-8")
        other.write_text("dog the the dog\n", encoding="utf-8")
        options = ["--train", text, "--valid", other, "--language", "en", "--set", "method=maximum-likelihood"]
        status, printed = run(capsys, monkeypatch, "ngram", *options, "--out", out)
        assert status == 0, printed
        (evaluation,) = checkpoint.load(out).metrics["evaluations"]
        assert evaluation["scores"]["perplexity_per_word"] > 1e299
        assert "perplexity_per_word_95" not in evaluation["scores"]

    @pytest.mark.parametrize(
        ("setting", "message"), [("order=0", "order is 0"), ("method=x", "method is 'x'"), ("hidden=3", "no setting")]
    )
    def test_nonsense(self, tmp_path, capsys, monkeypatch, setting, message) -> None:
        text = tmp_path / "text.txt"
        text.write_text("\n".join(SENTENCES), encoding="utf-8")
        options = ["--train", text, "--valid", text, "--language", "en", "--set", setting, "--out", tmp_path / "model"]
        status, printed = run(capsys, monkeypatch, "ngram", *options)
        assert (status, message in " ".join(printed.split())) == (2, True)
        assert not (tmp_path / "model").exists()


class TestBag:
    def test_it_fits_and_measures(self, tmp_path, labelled, capsys, monkeypatch) -> None:
        out = tmp_path / "model"
        options = ["--train", labelled, "--valid", labelled, "--language", "en", "--set", "vocabulary_size=300"]
        status, printed = run(capsys, monkeypatch, "bag", *options, "--set", "order=2", "--out", out)
        assert status == 0, printed
        loaded = checkpoint.load(out)
        assert (loaded.kind, loaded.model.config.order, loaded.model.config.labels) == ("bag", 2, ("bad", "good"))
        (evaluation,) = loaded.metrics["evaluations"]
        assert evaluation["scores"]["accuracy"] == 1.0
        assert (out / "evaluation-1.png").exists()
        status, printed = run(capsys, monkeypatch, "evaluate", out, labelled)
        assert status == 0
        assert json.loads(printed)["evaluations"] == loaded.metrics["evaluations"]

    def test_nonsense(self, tmp_path, labelled, capsys, monkeypatch) -> None:
        other = tmp_path / "other.jsonl"
        other.write_text('{"text": "x", "label": "ugly"}\n', encoding="utf-8")
        options = ["--train", labelled, "--language", "en", "--set", "vocabulary_size=300", "--out", tmp_path / "model"]
        status, printed = run(capsys, monkeypatch, "bag", *options, "--valid", other)
        assert (status, "has the label 'ugly', which no training text has" in " ".join(printed.split())) == (2, True)
        status, printed = run(capsys, monkeypatch, "bag", *options, "--valid", labelled, "--set", "order=7")
        assert (status, "order is 7" in printed) == (2, True)


def test_it_says_so_once(tmp_path: Path) -> None:
    """Also where the process is started again, as its environment lacks what it needs."""
    command = [sys.executable, "-m", "trainer.cli", "language", "--train", "no-such.txt", "--out", str(tmp_path / "x")]
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, encoding="utf-8"
    )  # fmt: skip
    reading, error = done.stderr.splitlines()
    assert (reading, done.returncode) == ("reading no-such.txt …", 2)
    assert error.startswith("error: ")


def test_the_version(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(capsys, monkeypatch, "--version") == (0, f"carousel-train {version_of('carousel-lstm')}\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["language", "--train", "no-such.txt", "--out", "x"], "reading no-such.txt …"),
        (["language", "--train=a.txt", "--train", "b.txt", "--out", "x"], "reading b.txt, a.txt …"),
        (["classifier", "--recipe", "sentiment-en", "--data", "no-such", "--out", "x"], "reading no-such …"),
    ],
)
def test_it_says_what_it_reads_before_it_imports_pytorch(arguments: list[str], line: str) -> None:
    code = f"""
import sys
from trainer.cli import main
sys.argv = ["carousel-train", *{arguments}]
sys.modules["trainer.cli.command"] = None
try:
    main()
except ImportError:
    print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8")
    assert (done.stderr.splitlines(), done.stdout) == ([line], "False\n")
