"""Distillation: translators translate the training pairs, and another one learns from that."""

import json
import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from models import checkpoint
from models.batch import pad
from models.decoding.batched_search import BestHypotheses
from models.networks.translator import Translator, TranslatorConfig
from models.text.tokenizers import SubwordTokenizer
from tests.conftest import SENTENCES
from tests.trainer.test_cli import run
from trainer.data.store import Ragged, concatenate
from trainer.pipeline import distillation, plan, steps
from trainer.recipes import Recipe
from trainer.tasks.translation import TranslationTask, TranslationTaskConfig


def test_selected_sequences(tmp_path) -> None:
    rows = [[1, 2, 3], [], [4], [5, 6]]
    texts = concatenate([Ragged.of(rows[:2]), Ragged.of(rows[2:])]).take(np.array([3, 1, 0, 3]))
    texts.save(tmp_path / "a.bin")
    opened = Ragged.open(tmp_path / "a.bin")
    assert [opened[index].tolist() for index in range(len(opened))] == [[5, 6], [], [1, 2, 3], [5, 6]]


@pytest.mark.parametrize("originals", [True, False])
def test_targets_are_those_of_the_teachers_in_each_direction(tokenizer: SubwordTokenizer, originals: bool) -> None:
    sides = [[tokenizer.encode(text) for text in texts] for texts in (SENTENCES[:4], SENTENCES[4:])]
    taught = [[[7, 8]] * 4, [[9]] * 4]
    directions = (("en", "tr"), ("tr", "en"))
    model = Translator(TranslatorConfig(tokenizer.size, ("en", "tr"), directions, 12, 12))
    valid = list(zip(SENTENCES[:4], SENTENCES[4:], strict=True))
    config = TranslationTaskConfig(batch_tokens=90, scored_pairs=0)
    task = TranslationTask(
        model, tokenizer, tuple(map(Ragged.of, sides)), valid, config, 5,
        distilled=tuple(map(Ragged.of, taught)), originals=originals,
    )  # fmt: skip
    seen = []
    for batch in task.batches(0):
        (part,) = task.parts(batch, 1)
        ids = zip(part.source.ids.tolist(), part.targets.tolist(), strict=True)
        seen += [
            (tuple(source[: source.index(tokenizer.end_id)]), tuple(target[: target.index(tokenizer.end_id)]))
            for source, target in ids
        ]
    expected = [
        ((model.language_id(directions[way][1]), *source), target)
        for way in (0, 1)
        for index, source in enumerate(map(tuple, sides[way]))
        for target in [tuple(taught[way][index]), *([tuple(sides[1 - way][index])] if originals else [])]
    ]
    assert sorted(seen) == sorted(expected)


def test_an_incomplete_translation_leaves_the_target(tokenizer: SubwordTokenizer) -> None:

    source = pad([[300, 5, 6, 0], [300, 5, 5, 0], [300, 6, 0], [300, 7, 0]])
    ids = torch.tensor([[6, 5], [5, 0], [9, 9], [9, 0]])
    best = BestHypotheses(ids, torch.tensor([2, 1, 2, 1]), torch.tensor([True, True, True, False]))
    assert distillation._complete(source, best, (5, 6)).tolist() == [True, False, False, False]


@pytest.mark.slow
def test_a_recipe_with_teachers_is_one_command(tmp_path, capsys, monkeypatch) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"{a}\t{b}\n" for a, b in zip(SENTENCES[:4], SENTENCES[4:], strict=True)), "utf-8")
    data: dict[str, Any] = {"languages": ("en", "tr"), "train": (str(pairs),), "valid": (str(pairs),)}
    small = {"epochs": 1, "hidden": 8, "embedding": 8, "vocabulary_size": 300, "resamples": 0, "beam_size": 1}
    teacher = Recipe("translator", settings=small, **data)
    listed = [{"recipe": "teacher", "seed": 3}, {"recipe": "teacher", "seed": 4}]
    known = {
        "teacher": teacher,
        "student": replace(teacher, distillation={"teachers": listed, "beam_size": 2, "originals": True}),
    }
    for module in (plan, steps):
        monkeypatch.setattr(module, "load_recipe", known.get)
    monkeypatch.setattr(plan, "recipe_names", lambda kind="": list(known))
    out = tmp_path / "student"
    arguments = ("translator", "--recipe", "student", "--out", out)
    status, printed = run(capsys, monkeypatch, *arguments, "--prepare-only")
    assert status == 0, printed
    assert printed.count("┏") == 3, "a report for each model"
    assert not out.exists()
    status, printed = run(capsys, monkeypatch, *arguments)
    assert status == 0, printed
    assert "┏" not in printed, "the data were prepared before"
    assert "of 8 sources translated by the teachers" in " ".join(printed.split())
    assert checkpoint.load(tmp_path / "student.teacher-2").training["settings"]["seed"] == 4
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert log

    shutil.rmtree(out)
    known["student"] = replace(known["student"], settings={**small, "vocabulary_size": 310})
    status, printed = run(capsys, monkeypatch, *arguments)
    assert (status, "vocabulary_size is 310" in " ".join(printed.split())) == (2, True)
