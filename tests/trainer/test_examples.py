"""What a model answers to random texts, as its card shows it."""

import json
import shutil
import sys
from pathlib import Path

import httpx
import pytest
import torch

from app.settings import Settings
from models import checkpoint
from models.kinds import KINDS
from tests.conftest import SENTENCES
from trainer.cli import command as carousel_train
from trainer.evaluation.domains import is_in_domain
from trainer.report.card import write_card

TRAINED_ON = ["translation/tatoeba-en-tr/train.tsv", "sentiment:negation-tr", "mine.txt"]


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("translation/tatoeba-en-tr/dev.tsv", True),
        ("translation/newstest2016-en-tr.tsv", False),
        ("sentiment:negation-tr", True),
        ("sentiment:emoji-tr", False),
        ("mine.txt", True),
        ("other.txt", False),
    ],
)
def test_data_of_the_same_collection_are_in_the_domain(name: str, inside: bool) -> None:
    assert is_in_domain(name, TRAINED_ON) == inside


def test_a_card_tells_domains_apart_and_shows_examples() -> None:
    training = {
        "settings": {}, "data": {"train": [{"name": "a/train.tsv", "sha256": "0" * 64}], "valid": []},
        "command": "", "parameters": 1, "seconds": 1, "environment": {"machine": "", "versions": {}},
    }  # fmt: skip
    scores = {"en-tr": {"bleu": 20.0, "loss": 1.0}, "int8": {"en-tr": {"bleu": 19.0}}}
    metrics = {"evaluations": [{"data": {"name": name}, "scores": scores} for name in ("a/dev.tsv", "b/dev.tsv")]}
    answers = [{"input": "a|b\n*c*", "output": "<b>", "expected": "d" * 700}]
    groups = [{"data": {"name": name}, "examples": answers} for name in ("a/other.tsv", "b/dev.tsv")]
    examples = {"seed": 3, "data": groups}
    card = write_card("m", "translator", ("en", "tr"), training, metrics, examples=examples)
    assert "| `a/dev.tsv` | in | en-tr bleu 20 |\n| `b/dev.tsv` | out | en-tr bleu 20 |" in card
    assert "Of `a/other.tsv` (in domain):" in card
    assert "Of `b/dev.tsv` (out of domain):\n\n| input | output | expected |\n|---|---|---|\n" in card
    assert "| a\\|b \\*c\\* | \\<b\\> | d" in card
    assert "(seed 3)" in card


@pytest.mark.parametrize("kind", KINDS)
def test_a_card_ends_with_what_not_to_use_the_model_for(kind: str) -> None:
    training = {
        "settings": {}, "data": {"train": [], "valid": []}, "limits": "Made for tests.",
        "command": "", "parameters": 1, "seconds": 1, "environment": {"machine": "", "versions": {}},
    }  # fmt: skip
    limits = write_card("m", kind, ("en",), training, {}).partition("## Limits\n\n")[2]
    assert limits.startswith("Made for tests.\n\nDo not use it ")


@pytest.fixture
def settings() -> Settings:
    return Settings()  # the service's defaults


@pytest.mark.anyio
async def test_the_command_adds_what_the_service_answers(
    checkpoints: Path, client: httpx.AsyncClient, tmp_path: Path, monkeypatch, capsys
) -> None:
    (tmp_path / "some.txt").write_text("\n".join(SENTENCES), encoding="utf-8")
    directory = Path(shutil.copytree(checkpoints / "language-en", tmp_path / "language-en"))
    command = ["examples", directory, "some.txt", "--count", "3", "--data", tmp_path]
    monkeypatch.setattr(sys, "argv", ["carousel-train", *map(str, command)])
    with pytest.raises(SystemExit) as stop:
        carousel_train.main()
    assert not stop.value.code
    answers = json.loads((directory / "examples.json").read_bytes())["data"][0]["examples"]
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == [one["input"] for one in answers]
    assert "## Examples" in checkpoint.load(directory, torch.device("cpu")).card  # the manifest has it
    for seed, answer in enumerate(answers, 1):
        assert any(sentence.startswith(answer["input"]) for sentence in SENTENCES)
        body = {"prompt": answer["input"], "seed": seed, "model": "language-en"}
        (choice,) = (await client.post("/generate", json=body)).json()["choices"]
        assert choice["text"] == answer["output"]
