"""Self-training: classifiers label text, and another one learns from it."""

import json
import shutil
from dataclasses import replace
from typing import Any

import pytest

from models import checkpoint
from tests.conftest import SENTENCES
from tests.trainer.test_cli import run
from trainer.pipeline import plan, steps
from trainer.recipes import Recipe


@pytest.mark.slow
def test_a_recipe_with_teachers_is_one_command(tmp_path, labelled, capsys, monkeypatch) -> None:
    more = tmp_path / "more.txt"
    more.write_text("\n".join(SENTENCES), encoding="utf-8")
    shared: dict[str, Any] = {"languages": ("en",), "train": (str(labelled),), "valid": (str(labelled),)}
    small = {"epochs": 2, "hidden": 8, "embedding": 8, "vocabulary_size": 300}
    teacher = Recipe("classifier", settings=small, **shared)
    labelling = {
        "teachers": [{"recipe": "teacher", "seed": 3}, {"recipe": "bag"}], "unlabelled": [str(more)],
        "least": 0.5, "sentences": 1, "least_of_sentences": 0.5,
    }  # fmt: skip
    known = {
        "teacher": teacher,
        "bag": Recipe("bag", settings={"vocabulary_size": 300}, **shared),
        "student": replace(teacher, labelling=labelling),
    }
    for module in (plan, steps):
        monkeypatch.setattr(module, "load_recipe", known.get)
    monkeypatch.setattr(plan, "recipe_names", lambda kind="": [n for n, r in known.items() if r.kind == kind])
    out = tmp_path / "student"
    status, printed = run(capsys, monkeypatch, "classifier", "--recipe", "student", "--out", out)
    assert status == 0, printed
    assert checkpoint.load(tmp_path / "student.teacher-1").training["settings"]["seed"] == 3
    assert checkpoint.load(tmp_path / "student.teacher-2").kind == "bag"
    rows = [json.loads(line) for line in (tmp_path / "student.labels.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows[: len(SENTENCES)]] == SENTENCES
    assert {row["label"] for row in rows} == {"good", "bad"}
    assert len(rows) > len(SENTENCES), "sentences too"
    data = checkpoint.load(out).training["data"]["train"]
    assert [source["name"] for source in data] == [str(labelled), "student.labels.jsonl"]

    shutil.rmtree(out)
    status, printed = run(capsys, monkeypatch, "classifier", "--recipe", "student", "--out", out)
    assert status == 0, printed
    assert printed.count("trained ") == 1, "teachers and labels are there already"
    known["teacher"] = replace(teacher, settings={**teacher.settings, "epochs": 3})
    shutil.rmtree(out)
    status, printed = run(capsys, monkeypatch, "classifier", "--recipe", "student", "--out", out)
    assert (status, "not made by the recipe teacher as it is" in " ".join(printed.split())) == (2, True)


@pytest.mark.slow
def test_a_base_with_the_same_labelling_has_the_same_labels(tmp_path, labelled, capsys, monkeypatch) -> None:
    more = tmp_path / "more.txt"
    more.write_text("\n".join(SENTENCES), encoding="utf-8")
    data: dict[str, Any] = {"languages": ("en",), "train": (str(labelled),), "valid": (str(labelled),)}
    labelling = {"teachers": [{"recipe": "bag"}], "unlabelled": [str(more)], "least": 0.5}
    sizes = {"hidden": 8, "embedding": 8, "vocabulary_size": 300}
    known = {
        "bag": Recipe("bag", settings={"vocabulary_size": 300}, **data),
        "first": Recipe("classifier", settings={"epochs": 2, **sizes}, labelling=labelling, **data),
        "second": Recipe("classifier", settings={"epochs": 1}, labelling=labelling, base="first", **data),
    }
    for module in (plan, steps):
        monkeypatch.setattr(module, "load_recipe", known.get)
    monkeypatch.setattr(plan, "recipe_names", lambda kind="": [n for n, r in known.items() if r.kind == kind])
    status, printed = run(capsys, monkeypatch, "classifier", "--recipe", "second", "--out", tmp_path / "model")
    assert status == 0, printed
    names = sorted(
        path.name for path in tmp_path.iterdir() if path.name.startswith("model") and path.suffix != ".training"
    )
    assert names == ["model", "model.base", "model.labels.jsonl", "model.teacher-1"]
    for name in ("model", "model.base"):
        sources = checkpoint.load(tmp_path / name).training["data"]["train"]
        assert [source["name"] for source in sources] == [str(labelled), "model.labels.jsonl"]


def test_the_command(tmp_path, labelled, capsys, monkeypatch) -> None:
    options = ["--train", labelled, "--valid", labelled, "--language", "en", "--set", "vocabulary_size=300"]
    for name in ("one", "two"):
        assert run(capsys, monkeypatch, "bag", *options, "--out", tmp_path / name)[0] == 0
    more, out = tmp_path / "more.txt", tmp_path / "labels.jsonl"
    more.write_text("\n".join(SENTENCES), encoding="utf-8")
    teachers = [tmp_path / "one", tmp_path / "two"]
    status, printed = run(capsys, monkeypatch, "label", *teachers, "--data", more, "--least", "0.5", "--out", out)
    assert status == 0, printed
    expected = [json.loads(line) for line in labelled.read_text().splitlines()]
    assert [json.loads(line) for line in out.read_text().splitlines()] == expected
    status, printed = run(capsys, monkeypatch, "label", *teachers, "--data", more, "--least", "1", "--out", out)
    assert (status, out.read_text()) == (0, "")


def test_what_is_no_classifier(tmp_path, labelled, capsys, monkeypatch) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n".join(SENTENCES), encoding="utf-8")
    counted = tmp_path / "counted"
    options = ["--train", text, "--valid", text, "--language", "en"]
    assert run(capsys, monkeypatch, "ngram", *options, "--out", counted)[0] == 0
    status, printed = run(capsys, monkeypatch, "label", counted, "--data", text, "--out", tmp_path / "labels.jsonl")
    assert (status, "labels come from classifiers" in " ".join(printed.split())) == (2, True)
