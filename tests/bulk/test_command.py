"""The command: its help, its exit status, and what is wrong with its options."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.bulk import run as bulk_run
from app.cli.cli import app
from app.cli.failures import Failed
from app.errors import InvalidRequest
from app.settings import Settings
from tests.bulk.conftest import write_lines

TASKS = ["classify", "translate", "summarize", "generate", "next"]


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "in.jsonl", [{"text": "the man"}, {"text": "a good film"}])


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["bulk", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize("task", TASKS)
def test_each_task_from_the_shell(checkpoints: Path, inputs: Path, tmp_path: Path, task: str) -> None:
    out = tmp_path / "out.csv"
    status, output = run(task, inputs, out, "--prefix", "its-", "--checkpoints", checkpoints)
    assert status == 0, output
    assert "2 rows, 2 answered\n" in output
    first, second = csv.DictReader(io.StringIO(out.read_bytes().decode(), newline=""), strict=True)
    assert [first["text"], second["text"]] == ["the man", "a good film"]
    assert first["its-model"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--actors", 2], "--actors has an effect with --ray or --ray-address only"),
        (["--delimiter", ";"], "it is of .csv files, and no input is one"),
    ],
)
def test_an_option_without_effect_is_an_error(
    checkpoints: Path, inputs: Path, tmp_path: Path, options: list[object], message: str
) -> None:
    for task in TASKS:
        with pytest.raises((Failed, InvalidRequest)) as refused:
            run(task, inputs, tmp_path / "out.csv", *options, "--checkpoints", checkpoints)
        assert message in str(refused.value)


def test_options_reach_the_request(checkpoints: Path, inputs: Path, tmp_path: Path) -> None:
    cases: dict[str, list[object]] = {
        "classify": ["--model", "sentiment-tr", "--explain"],
        "translate": ["--to", "en", "--from", "tr", "--format", "html", "--beam-size", 2, "--length-penalty", 0.5,
                      "--alternatives", 1, "--model", "translation-en-tr"],
        "generate": ["--max-new-tokens", 5, "--min-new-tokens", 2, "--temperature", 0.5, "--top-k", 9, "--top-p", 0.9,
                     "--typical-p", 0.9, "--repetition-penalty", 1.1, "--stop", "x", "--stop", "y", "--seed", 3, "--n",
                     2, "--language", "tr"],
        "next": ["--top", 2, "--unit", "token", "--temperature", 2.0, "--language", "tr"],
    }  # fmt: skip
    for task, options in cases.items():
        out = tmp_path / f"{task}.jsonl"
        status, output = run(task, inputs, out, *options, "--checkpoints", checkpoints)
        assert status == 0, output
    rows = {task: json.loads((tmp_path / f"{task}.jsonl").read_text(encoding="utf-8").split("\n")[0]) for task in cases}
    assert rows["classify"]["answer_explanation"]
    assert (rows["translate"]["answer_source"], rows["translate"]["answer_target"]) == ("tr", "en")
    assert len(rows["translate"]["answer_alternatives"]) == 1
    assert (rows["generate"]["answer_seed"], len(rows["generate"]["answer_choices"])) == (3, 2)
    assert rows["generate"]["answer_model"] == rows["next"]["answer_model"] == "language-tr"
    assert len(rows["next"]["answer_next"]) == 2


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("translate", ["--beam-size", 99], "less than or equal to 16"),
        ("generate", ["--temperature", 11], "less than or equal to 10"),
        ("generate", ["--seed", -1], "greater than or equal to 0"),
        ("next", ["--unit", "letter"], "'word' or 'token'"),
        ("next", ["--unit", "token", "--partial"], "go with unit 'word' only"),
        ("classify", ["--model", "none"], "no such model; there are sentiment-en, sentiment-tr"),
        ("classify", ["--language", "de"], "no model for that language; the languages are: en, tr"),
        ("translate", ["--to", "de"], "no model translates to that language"),
        ("translate", ["--from", "de"], "no model translates from that language"),
        ("classify", ["--encoding", "klingon"], "--encoding 'klingon' is unknown"),
        ("classify", ["--delimiter", "ab"], "--delimiter 'ab': name one character"),
    ],
)
def test_wrong_options_are_errors_before_the_first_row(
    checkpoints: Path,
    inputs: Path,
    tmp_path: Path,
    task: str,
    options: list[object],
    message: str,
) -> None:
    out = tmp_path / "out.jsonl"
    with pytest.raises(Failed, match=message):
        run(task, inputs, out, *options, "--checkpoints", checkpoints)
    assert not out.exists()
    assert not list((tmp_path / "out.jsonl.parts").glob("0*"))


def test_a_bound_of_the_options_alone(inputs: Path, tmp_path: Path, tiny: Settings) -> None:
    """What no row can be answered with is one error, and not one for each row."""
    settings = tiny.model_copy(update={"max_request_tokens": 10})
    with pytest.raises(InvalidRequest, match="20 tokens are 20 tokens to generate; at most 10"):
        bulk_run.run(
            settings,
            bulk_run.Request("generate", [str(inputs)], tmp_path / "out.jsonl", options={"max_new_tokens": 20}),
        )


def test_help_without_pytorch() -> None:
    program = (
        "import sys\nfrom app.cli.cli import app\n"
        "try:\n    app(sys.argv[1:])\nexcept SystemExit as stop:\n    print(stop.code, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "bulk", "generate", "--help"], capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("0 False\n"), done.stderr


def test_an_extra_that_is_missing(
    checkpoints: Path, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("pyarrow", "pyarrow.parquet", "ray"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Exception, match=r"pip install 'carousel-lstm\[bulk\]'"):
        run("classify", inputs, tmp_path / "out.parquet", "--checkpoints", checkpoints)
    (tmp_path / "in.parquet").write_bytes(b"PAR1")
    with pytest.raises(Exception, match=r"pip install 'carousel-lstm\[bulk\]'"):
        run("classify", tmp_path / "in.parquet", tmp_path / "out.jsonl", "--checkpoints", checkpoints)
    with pytest.raises(Exception, match=r"pip install 'carousel-lstm\[ray\]'"):
        run("classify", inputs, tmp_path / "out.jsonl", "--ray", "--checkpoints", checkpoints)
