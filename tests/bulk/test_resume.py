"""A run that is cut off and resumed gives the same bytes; one of something else is refused."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.bulk.folder import Outcome, RunFolder
from app.bulk.run import Request, main, run
from app.errors import Conflict, InvalidRequest
from app.settings import Settings
from models.tables.lines import TextFormat
from tests.bulk.conftest import Bulk, json_lines, write_lines
from tests.conftest import SENTENCES, save_tiny

ROWS = [{"prompt": text, "n": number} for number, text in enumerate([*SENTENCES * 3, "", *SENTENCES])]
OPTIONS = {"max_new_tokens": 9, "temperature": 2.0, "seed": 11}


class Cut(Exception):
    """A run ends here."""


def cut() -> None:
    raise Cut


@contextmanager
def cut_after(monkeypatch: pytest.MonkeyPatch, parts: int, then: Callable[[], None] = cut) -> Iterator[None]:
    """After some parts, a function is called instead of writing the next one."""
    written, write = 0, RunFolder.write

    def count(self: RunFolder, number: int, outcomes: Sequence[Outcome]) -> None:
        nonlocal written
        if written == parts:
            then()
        written += 1
        write(self, number, outcomes)

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "write", count)
        yield


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "in.jsonl", ROWS)


@pytest.mark.parametrize("parts", [0, 1, 4])
@pytest.mark.parametrize("suffix", ["jsonl", "csv.gz", "parquet"])
def test_cut_off_and_resumed_is_the_same_bytes(
    bulk: Bulk, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: int, suffix: str
) -> None:
    whole, out = tmp_path / f"whole.{suffix}", tmp_path / f"out.{suffix}"
    arguments: dict[str, Any] = {"options": OPTIONS, "part_rows": 6}
    bulk("generate", inputs, whole, **arguments)
    with cut_after(monkeypatch, parts), pytest.raises(Cut):
        bulk("generate", inputs, out, **arguments)
    assert not out.exists()
    assert len(list((tmp_path / f"out.{suffix}.parts").glob("*.jsonl"))) == parts
    with cut_after(monkeypatch, 6 - parts):  # what is done is not done again
        bulk("generate", inputs, out, **arguments)
    assert out.read_bytes() == whole.read_bytes()
    errors = [path.with_name(path.name + ".errors.jsonl").read_bytes() for path in (whole, out)]
    assert errors[0] == errors[1]
    assert not (tmp_path / f"out.{suffix}.parts").exists()


def test_without_a_seed_the_first_one_stays(
    bulk: Bulk, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cut_after(monkeypatch, 1), pytest.raises(Cut):
        bulk("generate", inputs, tmp_path / "out.jsonl", options={"max_new_tokens": 3}, part_rows=6)
    seed = json.loads((tmp_path / "out.jsonl.parts" / "plan.json").read_text())["seed"]
    bulk("generate", inputs, tmp_path / "out.jsonl", options={"max_new_tokens": 3}, part_rows=6)
    rows = json_lines(tmp_path / "out.jsonl")
    assert [row["answer_seed"] for row in rows] == [seed + row["n"] for row in rows]


def test_cut_off_while_the_output_is_written(
    bulk: Bulk, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is there, and after: the folder goes last."""
    out = tmp_path / "out.jsonl"
    for name in ("read", "remove"):
        with monkeypatch.context() as patch:
            patch.setattr(RunFolder, name, lambda *_: cut())
            with pytest.raises(Cut):
                bulk("next", inputs, out)
        assert out.exists() == (name == "remove")
    assert bulk("next", inputs, out).bad == 1
    assert not (tmp_path / "out.jsonl.parts").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"options": {**OPTIONS, "max_new_tokens": 8}}, "max_new_tokens was 9 and is 8"),
        ({"options": {**OPTIONS, "n": 2}}, "n was left out and is 2"),
        ({"part_rows": 7}, "--part-rows was 6 and is 7"),
        ({"column": "prompt"}, '--column was "" and is "prompt"'),
        ({"form": TextFormat("windows-1254")}, '--encoding was "utf-8" and is "cp1254"'),
        (
            {"options": {**OPTIONS, "model": "language-tr"}},
            'model was left out and is "language-tr"; language-en is missing',
        ),
    ],
)
def test_other_options_are_refused(
    bulk: Bulk, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], message: str
) -> None:
    arguments: dict[str, Any] = {"options": OPTIONS, "part_rows": 6}
    with cut_after(monkeypatch, 2), pytest.raises(Cut):
        bulk("generate", inputs, tmp_path / "out.jsonl", **arguments)
    with pytest.raises(InvalidRequest, match=message) as error:
        bulk("generate", inputs, tmp_path / "out.jsonl", **{**arguments, **change})
    assert "begin anew with --overwrite" in str(error.value)
    if "form" not in change:
        summary = bulk("generate", inputs, tmp_path / "out.jsonl", **{**arguments, **change}, overwrite=True)
        assert summary.answered == len(ROWS) - 1


def test_another_input_task_model_or_limit_is_refused(
    bulk: Bulk, tiny: Settings, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language_model, tokenizer
) -> None:
    out = tmp_path / "out.jsonl"
    with cut_after(monkeypatch, 2), pytest.raises(Cut):
        bulk("next", inputs, out, part_rows=6)
    with pytest.raises(InvalidRequest, match='task was "next" and is "generate"'):
        bulk("generate", inputs, out, part_rows=6)
    other = tmp_path / "checkpoints"
    save_tiny(other / "language-en", language_model, tokenizer, "en")
    request = Request("next", [str(inputs)], out, part_rows=6)
    with pytest.raises(InvalidRequest, match="language-en has changed; language-tr is missing"):
        run(tiny.model_copy(update={"checkpoints": other}), request)
    with pytest.raises(InvalidRequest, match="max_prompt_characters was 500 and is 499"):
        run(tiny.model_copy(update={"max_prompt_characters": 499}), request)
    write_lines(inputs, [*ROWS, {"prompt": "one more"}])
    with pytest.raises(InvalidRequest, match=r"in\.jsonl has changed"):
        run(tiny, request)


def test_a_run_keeps_others_out(bulk: Bulk, inputs: Path, tmp_path: Path) -> None:
    with RunFolder(tmp_path / "out.jsonl.parts").locked(), pytest.raises(Conflict, match="another run is at work"):
        bulk("next", inputs, tmp_path / "out.jsonl")


def test_a_plan_that_is_none(bulk: Bulk, inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl.parts").mkdir()
    (tmp_path / "out.jsonl.parts" / "plan.json").write_text("[]", encoding="utf-8")
    with pytest.raises(Exception, match="no plan of a run; begin anew with --overwrite"):
        bulk("next", inputs, tmp_path / "out.jsonl")
    assert bulk("next", inputs, tmp_path / "out.jsonl", overwrite=True).bad == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_a_run_that_goes_on_later(
    tiny: Settings,
    inputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
) -> None:
    request = Request("generate", [str(inputs)], tmp_path / "out.jsonl", options=OPTIONS, part_rows=6)
    handlers = [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)]
    with cut_after(monkeypatch, 2, lambda: signal.raise_signal(number)):
        assert main(tiny, request) == 128 + number
    assert [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)] == handlers
    assert f"stopped by {number.name}: the same command, without --overwrite, goes on" in capsys.readouterr().err
    assert main(tiny, request) == 3
    assert f"out.jsonl: {len(ROWS)} rows, {len(ROWS) - 1} answered, 1 left out: " in capsys.readouterr().err


KILLED = """
import os, signal, sys
from app.cli.cli import main

left, fsync = int(sys.argv.pop(1)), os.fsync

def dying(descriptor):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(descriptor)

os.fsync = dying
main()
"""
"""The command, killed at the n-th file that it writes, before that is in its place."""


@pytest.mark.slow
def test_killed_at_half_and_resumed_is_the_same_bytes(checkpoints: Path, inputs: Path, tmp_path: Path) -> None:
    def command(program: Sequence[str], out: str) -> subprocess.CompletedProcess[str]:
        options = ["--max-new-tokens", "9", "--temperature", "2", "--seed", "11", "--part-rows", "6"]
        arguments = ["bulk", "generate", str(inputs), str(tmp_path / out), *options, "--checkpoints", str(checkpoints)]
        return subprocess.run([sys.executable, *program, *arguments], capture_output=True, text=True, check=False)

    whole = command(["-m", "app"], "whole.csv")
    assert whole.returncode == 3, whole.stderr
    for limit, done in (("4", 2), ("3", 4), ("3", 6)):  # the plan is the first file, the output the last
        assert command(["-c", KILLED, limit], "out.csv").returncode == -signal.SIGKILL
        assert len(list((tmp_path / "out.csv.parts").glob("*.jsonl"))) == done
    resumed = command(["-m", "app"], "out.csv")
    assert resumed.returncode == 3, resumed.stderr
    for suffix in ("", ".errors.jsonl"):
        assert (tmp_path / f"out.csv{suffix}").read_bytes() == (tmp_path / f"whole.csv{suffix}").read_bytes()
