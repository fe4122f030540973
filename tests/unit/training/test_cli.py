"""What a person meets: clear errors before anything is trained, a run that can be stopped, true numbers."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from models.training import cli
from tests.conftest import SENTENCES

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


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    rows = [{"text": text, "label": "good" if index % 2 else "bad"} for index, text in enumerate(SENTENCES)]
    path = tmp_path / "labelled.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> tuple[int, str]:
    """Run `carousel-train` in this process; return its status and what it printed."""
    monkeypatch.setattr(sys, "argv", ["carousel-train", *map(str, arguments)])
    monkeypatch.setattr(cli, "keep_memory", lambda: None)
    try:
        cli.main()
        status = 0
    except SystemExit as stop:
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out + captured.err


class TestBadData:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "no text in it"),
            (b'{"text": "a"}\n', "line 1: no column 'label'"),
            (b'{"text": "a", "label": "x"}\n{"text": "b", "label": "x"}\n', "all training texts have the label 'x'"),
            (b'{"text": "a", "label": "x"}\n{"text": "\xe7", "label": "y"}\n', "line 2: byte 0xE7 is not UTF-8"),
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
            (["--set", "hiden=3"], "no setting 'hiden'; there are"),
            (["--set", "hidden=many"], "hidden is 'many'; it must be a whole number"),
            (["--set", "hidden"], "not of the form name=value"),
            (["--language", ""], "say what language the text is in"),
            (["--set", "hidden=-1"], "hidden is -1"),
            (["--set", "tokenizer=letters"], "must be subword or word"),
            (["--recipe", "soup"], "no recipe 'soup'"),
            (["--device", "tpu"], "none of auto, cpu, cuda"),
        ],
    )
    def test_bad_options(self, tmp_path, labelled, capsys, monkeypatch, arguments: list[str], message: str) -> None:
        status, printed = run(
            capsys, monkeypatch, "classifier", "--train", labelled, "--valid", labelled, "--out", tmp_path / "model",
            "--language", "en", *arguments,
        )  # fmt: skip
        assert (status, message in printed) == (2, True), printed

    def test_a_checkpoint_is_never_overwritten(self, tmp_path, labelled, capsys, monkeypatch) -> None:
        (tmp_path / "model").mkdir()
        status, printed = run(
            capsys, monkeypatch, "classifier", "--train", labelled, "--valid", labelled, "--out", tmp_path / "model"
        )
        assert status == 2
        assert "exists already" in printed


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
        assert "accuracy" in card

    @pytest.mark.parametrize("kind", ["language", "translator"])
    def test_so_they_are_for_the_other_kinds(self, tmp_path, capsys, monkeypatch, kind: str) -> None:
        text, pairs = tmp_path / "text.txt", tmp_path / "pairs.tsv"
        text.write_text("\n".join(SENTENCES * 8), encoding="utf-8")
        lines = [f"{left}\t{right}" for left, right in zip(SENTENCES[:4], SENTENCES[4:], strict=True)]
        pairs.write_text("\n".join(lines), encoding="utf-8")
        data, options, baseline = {
            "language": (text, [*TINY, "--set", "stripes=4"], ["--baseline", text]),
            "translator": (pairs, ["--languages", "EN,tr", *TINY[2:]], []),
        }[kind]
        out = tmp_path / "model"
        status, printed = run(capsys, monkeypatch, kind, "--train", data, "--valid", data, "--out", out, *options)
        assert status == 0, printed
        status, printed = run(capsys, monkeypatch, "evaluate", out, data, *baseline)
        assert status == 0, printed
        metrics = json.loads((out / "metrics.json").read_bytes())
        assert json.loads(printed) == metrics
        wanted = {"language": "kneser_ney_3gram_perplexity_per_word", "translator": "en-tr"}[kind]
        assert wanted in metrics["evaluations"][0]["scores"]

    def test_unknown_labels_are_named(self, tmp_path, labelled, capsys, monkeypatch) -> None:
        out = tmp_path / "model"
        run(capsys, monkeypatch, "classifier", "--train", labelled, "--valid", labelled, "--out", out, *TINY)
        other = tmp_path / "other.jsonl"
        other.write_text('{"text": "a", "label": "mixed"}\n')
        status, printed = run(capsys, monkeypatch, "evaluate", out, other)
        assert (status, "label 'mixed' is none of the model's: bad, good" in printed) == (2, True)


class TestKill:
    def test_killed_and_resumed_is_uninterrupted(self, tmp_path: Path) -> None:
        """The command itself, killed with SIGKILL in the middle, ends with the same weights."""
        text = tmp_path / "text.txt"
        text.write_text("\n".join(SENTENCES * 12), encoding="utf-8")
        command = [
            sys.executable, "-m", "models.training.cli", "language", "--train", str(text), "--valid", str(text),
            "--threads", "1", *TINY, "--set", "epochs=4", "--set", "stripes=4",
            "--set", "chunk_tokens=8", "--set", "evaluations_per_epoch=1", "--out",
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

    def test_another_run_is_not_resumed(self, tmp_path, labelled, capsys, monkeypatch) -> None:
        status, printed = run(
            capsys, monkeypatch, "classifier", "--train", labelled, "--valid", labelled,
            "--out", tmp_path / "none", "--resume", *TINY,
        )  # fmt: skip
        assert (status, "no run to resume" in printed) == (2, True)
