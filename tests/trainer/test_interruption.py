"""Ctrl-C, SIGTERM and SIGKILL: a run says where it stopped, and continues to the very same checkpoint."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from models import checkpoint
from models.errors import DataError
from tests.trainer.test_cli import command_to_kill, run
from tests.trainer.test_divergence import options_for
from trainer.loop.trainer import Trainer
from trainer.pipeline.interruption import Interrupted, Interruption
from trainer.pipeline.session import check_output


def same(first: Path, second: Path) -> bool:
    """Whether two checkpoints are the same, but for the time that they took."""

    def content(path: Path) -> bytes:
        if path.name != "config.json":
            return path.read_bytes()
        config = json.loads(path.read_text("utf-8"))
        return json.dumps({**config, "training": {**config["training"], "seconds": 0, "command": ""}}).encode()

    names = ["config.json", "model.safetensors", "metrics.json", "tokenizer.model"]
    return all(content(first / name) == content(second / name) for name in names)


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("language", signal.SIGINT),
        ("classifier", signal.SIGTERM),
        pytest.param("language", signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param("translator", signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_it_stops_at_the_next_step_and_continues(tmp_path, capsys, monkeypatch, kind: str, number: int) -> None:
    """The law: from the first step on, what was stopped and resumed is what was never stopped."""
    options = options_for(kind, tmp_path)
    assert run(capsys, monkeypatch, *options, "--out", tmp_path / "whole")[0] == 0
    train_step, stop_at = Trainer._train_step, [1, 2]

    def interrupted(self: Trainer, batch: object) -> object:
        record = train_step(self, batch)
        if stop_at and self.step == stop_at[0]:
            stop_at.pop(0)
            os.kill(os.getpid(), number)
        return record

    monkeypatch.setattr(Trainer, "_train_step", interrupted)
    out = tmp_path / "stopped"
    for resume, step in (([], 1), (["--resume"], 2)):
        status, printed = run(capsys, monkeypatch, *options, "--out", out, *resume)
        printed = " ".join(printed.split())
        assert status == 128 + number, printed
        assert f"stopped at step {step} of " in printed
        assert "to continue: the same command with --resume" in printed
        assert "Traceback" not in printed
    status, printed = run(capsys, monkeypatch, *options, "--out", out, "--resume")
    assert status == 0, printed
    assert same(tmp_path / "whole", out)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_before_the_first_step(tmp_path, capsys, monkeypatch) -> None:
    def stop(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("trainer.pipeline.steps.plan", stop)
    status, printed = run(capsys, monkeypatch, *options_for("language", tmp_path), "--out", tmp_path / "model")
    assert (status, printed) == (130, "stopped before the first step; start again with the same command\n")
    assert not (tmp_path / "model.training").exists()


def test_a_run_that_has_ended_says_so(tmp_path: Path) -> None:
    out = tmp_path / "model"
    out.mkdir()
    for scores, message in ("[{}]", "this run has ended: there is nothing to resume"), ("[]", "no run to resume"):
        (out / "metrics.json").write_text(f'{{"evaluations": {scores}}}', encoding="utf-8")
        with pytest.raises(DataError, match=message):
            check_output(out, resume=True)


def test_the_second_signal_ends_it_at_once() -> None:
    with Interruption() as interruption, interruption.deferred():
        os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert isinstance(interruption.stop("text"), Interrupted)
    assert interruption.stop("text").status == 130


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_points(tmp_path: Path, seed: int) -> None:
    """Five kills at random moments, at whatever the run is doing, then --resume: byte for byte the same checkpoint."""
    command = command_to_kill(tmp_path, epochs=6, evaluations_per_epoch=4)
    started = time.monotonic()
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)
    whole_s = time.monotonic() - started
    draw, out, kills = random.Random(seed), tmp_path / "killed", 0
    state = tmp_path / "killed.training" / "state.pt"
    while kills < 5:
        if out.exists() and not state.parent.exists():
            shutil.rmtree(out)  # the run had ended, and its process was killed while it exited
        resume = ["--resume"] if state.exists() else []
        process = subprocess.Popen([*command, str(out), *resume], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(draw.uniform(0.3, 1.0) * whole_s)
        except subprocess.TimeoutExpired:
            process.kill()
        if process.wait() == 0:
            if kills:
                break
            shutil.rmtree(out)  # a quick run, and a late moment: nothing was killed yet
            continue
        assert process.returncode == -signal.SIGKILL
        kills += 1
        if out.exists():
            checkpoint.load(out)
    if state.exists() or not out.exists() or not json.loads((out / "metrics.json").read_text())["evaluations"]:
        resume = ["--resume"] if state.exists() else []
        subprocess.run([*command, str(out), *resume], check=True, capture_output=True)
    assert same(tmp_path / "whole", out)
    assert not state.parent.exists()
