"""A run that diverges is an error, its last good weights stay, and no JSON has a number that is none."""

import ast
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from app.catalog.loading import Choice, load_models
from app.http.operations.model_list import show_model
from models import checkpoint
from models.errors import CheckpointError, ModelError
from models.json_text import LARGEST, dumps, finite
from models.networks.language_model import LanguageModel
from models.text.tokenizers import SubwordTokenizer
from tests.conftest import SENTENCES, TRAINING
from tests.trainer.test_cli import TINY, run
from trainer.loop.optimization import Optimizer

ROOT = Path(__file__).parents[2]
KINDS = ("language", "classifier", "translator")


def options_for(kind: str, folder: Path) -> list[str]:
    """Tiny training data of a kind, and the options of a short run."""
    if kind == "language":
        data, languages = folder / "text.txt", TINY[:2]
        data.write_text("\n".join(SENTENCES * 8), encoding="utf-8")
    elif kind == "classifier":
        data, languages = folder / "labelled.csv", TINY[:2]
        rows = [f'"{text}",{index % 2}' for index, text in enumerate(SENTENCES * 4)]
        data.write_text("text,label\n" + "\n".join(rows), encoding="utf-8")
    else:
        data, languages = folder / "pairs.tsv", ["--languages", "en,tr"]
        lines = [f"{left}\t{right}" for left, right in zip(SENTENCES[:4], SENTENCES[4:], strict=True)]
        data.write_text("\n".join(lines * 4), encoding="utf-8")
    batch = ["--set", "batch_size=4", "--set", "bptt=16"] if kind == "language" else []
    return [kind, "--train", str(data), "--valid", str(data), *languages, *TINY[2:], *batch]


def numbers_of(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from numbers_of(inner)


def assert_standard_json(folder: Path) -> None:
    """The law: whatever a run writes is JSON as the standard has it."""
    for path in [*folder.rglob("*.json"), *folder.rglob("*.jsonl")]:
        for text in path.read_text("utf-8").splitlines() if path.suffix == ".jsonl" else [path.read_text("utf-8")]:
            constants: list[str] = []
            value = json.loads(text, parse_constant=constants.append)
            assert not constants, path
            largest = LARGEST if path.name == "log.jsonl" else math.inf
            assert all(math.isfinite(number) and number <= largest for number in numbers_of(value)), path


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_diverges_is_an_error(tmp_path, capsys, monkeypatch, kind: str) -> None:
    """From the first step on: there are no good weights."""
    wild = ["--set", "learning_rate=1000", "--set", "clip_norm=1000", "--set", "optimizer=sgd", "--set", "epochs=40"]
    status, printed = run(capsys, monkeypatch, *options_for(kind, tmp_path), *wild, "--out", tmp_path / "model")
    printed = " ".join(printed.split())
    assert status == 2, printed
    assert "error: training diverged: the loss of step " in printed
    assert "lower learning_rate (it is 1000) or clip_norm (it is 1000)" in printed
    assert_standard_json(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_good_weights_stay(tmp_path, capsys, monkeypatch, kind: str) -> None:
    """Its gradients become infinite after the first evaluation; the checkpoint is whole, and another run may follow."""
    steps, step_before = [0], Optimizer.step

    def explode(self: Optimizer, step: int, epoch: float) -> torch.Tensor:
        steps[0] += 1
        if epoch >= 1:
            for parameter in self.depths[0]:
                parameter.grad = torch.full_like(parameter, math.inf)
        return step_before(self, step, epoch)

    monkeypatch.setattr(Optimizer, "step", explode)
    out = tmp_path / "model"
    options = [*options_for(kind, tmp_path), "--set", "evaluations_per_epoch=1", "--out", out]
    status, printed = run(capsys, monkeypatch, *options)
    printed = " ".join(printed.split())
    assert status == 2, printed
    loaded = checkpoint.load(out)
    assert f"training diverged: the loss of step {steps[0] - 1} is " in printed
    assert f"{out} has the best weights before, of step {loaded.training['step']}" in printed
    assert loaded.metrics["evaluations"]
    assert all(bool(torch.isfinite(tensor).all()) for tensor in loaded.model.parameters())
    assert not (tmp_path / "model.training").exists()
    assert_standard_json(tmp_path)


def test_weights_that_are_not_finite_are_neither_saved_nor_loaded(
    tmp_path: Path, language_model: LanguageModel, tokenizer: SubwordTokenizer
) -> None:
    out = tmp_path / "model"
    for value in (math.nan, math.inf, 70_000.0):  # the last one is too large for half precision
        weights = {name: tensor.detach().clone() for name, tensor in language_model.named_parameters()}
        weights["bias"][3] = value
        with pytest.raises(CheckpointError, match="bias has numbers that are not finite: its training diverged"):
            checkpoint.save(out, language_model, weights, tokenizer, ("en",), TRAINING, {"evaluations": []}, "")
        assert not out.exists()
    with pytest.MonkeyPatch.context() as patch:  # as older versions saved it
        patch.setattr(checkpoint, "_check_finite", lambda *_: None)
        checkpoint.save(out, language_model, weights, tokenizer, ("en",), TRAINING, {"evaluations": []}, "")
    with pytest.raises(CheckpointError, match=r"model\.safetensors: bias has numbers that are not finite"):
        checkpoint.load(out)


def test_metrics_of_older_versions_are_read_as_null(checkpoints: Path, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    content = {path.name: path.read_bytes() for path in (checkpoints / "language-en").iterdir()}
    content.pop("manifest.json")
    scores = b'{"evaluations": [{"data": {"name": "x"}, "scores": {"loss": NaN, "other": -Infinity}}]}'
    checkpoint.write_files(folder, {**content, "metrics.json": scores})
    (evaluation,) = checkpoint.load(folder).metrics["evaluations"]
    assert evaluation["scores"] == {"loss": None, "other": None}


def test_the_entry_is_named() -> None:
    with pytest.raises(ModelError, match=r"evaluations\.0\.scores\.loss is nan, which JSON can't hold"):
        dumps({"evaluations": [{"scores": {"loss": math.nan}}]})
    assert dumps({"a": [1.5, None, "ç"]}) == '{"a": [1.5, null, "ç"]}'


def test_a_number_that_is_not_finite_becomes_null() -> None:
    assert finite({"a": (1.5, math.inf), "b": [{"c": math.nan}], "d": "x"}) == {
        "a": [1.5, None],
        "b": [{"c": None}],
        "d": "x",
    }
    assert finite({"a": [1.0, 4.6e299, -4.6e299], "step": 2**60}, LARGEST) == {
        "a": [1.0, None, -4.6e299],
        "step": 2**60,
    }


def test_a_perplexity_too_large_for_json_is_null_in_the_log(tmp_path, capsys, monkeypatch) -> None:
    """That of the first evaluation, after which the run goes on; the service shows the curve, with null there."""
    perplexities = iter([4.6e299])
    monkeypatch.setattr("trainer.tasks.language.token_perplexity", lambda *_: next(perplexities, 30.0))
    out = tmp_path / "checkpoints" / "model"
    options = [*options_for("language", tmp_path), "--set", "evaluations_per_epoch=1", "--set", "epochs=2"]
    status, printed = run(capsys, monkeypatch, *options, "--out", out)
    assert status == 0, printed
    assert_standard_json(tmp_path)
    lines = (out / "log.jsonl").read_text("utf-8").splitlines()
    logged = [json.loads(line)["scores"]["perplexity_per_token"] for line in lines]
    assert logged[0] is None
    assert set(logged[1:]) == {30.0}
    shown = show_model(load_models(Choice(out.parent), torch.device("cpu")), "model").model_dump(mode="json")
    assert [point["scores"]["perplexity_per_token"] for point in shown["curve"]] == logged


def test_nothing_is_dumped_that_is_no_json() -> None:
    """The law, in the source: `json.dumps` refuses NaN wherever a program of this project writes or answers."""
    free = []
    for path in (path for package in ("app", "models", "trainer") for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("json.dumps", "json.dump"):
                strict = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                if strict.get("allow_nan") != "False":
                    free.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not free
