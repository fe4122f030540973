"""Disks that are full or read-only, and two runs on one folder: one clear line, and nothing is lost."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from models import checkpoint, files
from models.errors import CheckpointError, DataError
from tests.trainer.test_cli import run
from tests.trainer.test_divergence import KINDS, options_for
from trainer.data.store import RaggedWriter
from trainer.loop.distributed import World
from trainer.pipeline import session
from trainer.pipeline.claim import LOCK, claimed

REFUSALS = {
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "Permission denied",
    errno.EDQUOT: "the disk quota is used up",
}


class Full:
    """Makes writing fail from a number of synced files on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int, number: int = errno.ENOSPC) -> None:
        self.count, self.after, self.number = 0, after, number
        self._sync = os.fsync
        monkeypatch.setattr(os, "fsync", self.fsync)

    def fsync(self, descriptor: int) -> None:
        self.count += 1
        if self.count > self.after:
            raise OSError(self.number, os.strerror(self.number))
        self._sync(descriptor)


@pytest.mark.parametrize(
    "kind",
    [
        "language",
        "ngram",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("classifier", "translator", "bag")),
    ],
)
def test_a_full_disk_is_one_line_wherever_it_fills(tmp_path, capsys, monkeypatch, kind: str) -> None:
    """The law: at every write of a run, the error names the file and the cause; what is there stays whole."""
    data = {"ngram": "language", "bag": "classifier"}.get(kind, kind)
    usual = options_for(data, tmp_path)
    options = [kind, *usual[1:]] if kind in KINDS else [kind, *usual[1:7], "--set", "vocabulary_size=300"]
    whole = Full(monkeypatch, after=10**9)
    status, printed = run(capsys, monkeypatch, *options, "--out", tmp_path / "whole")
    assert status == 0, printed
    monkeypatch.undo()
    steps = sorted({0, 4, whole.count // 2, whole.count - 1})
    for after in steps:
        out = tmp_path / f"model-{after}"
        with monkeypatch.context() as patch:
            Full(patch, after)
            status, printed = run(capsys, patch, *options, "--out", out)
        lines = [line for line in printed.splitlines() if "error" in line.lower()]
        assert (status, len(lines), "Traceback" in printed) == (2, 1, False), printed
        assert "can't be written: the disk is full" in lines[0]
        assert str(tmp_path) in lines[0]
        if out.exists():
            checkpoint.load(out)


@pytest.mark.parametrize("number", REFUSALS)
def test_the_cause_is_in_words(tmp_path, capsys, monkeypatch, number: int) -> None:
    """Before any data are read, where the folder can't even be created."""
    options = options_for("language", tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "mkdir", refuse)
    status, printed = run(capsys, monkeypatch, *options, "--out", tmp_path / "model")
    assert (status, printed.count("\n")) == (2, 1), printed
    assert printed.startswith(f"error: {tmp_path / 'model.training'}: can't be written: {REFUSALS[number]}")


def test_so_it_is_for_studies(tmp_path, capsys, monkeypatch) -> None:
    Full(monkeypatch, after=0)
    options = ["--out", tmp_path, "--length", 3, "--hidden", 2, "--steps", 1]
    status, printed = run(capsys, monkeypatch, "gradients", *options)
    assert (status, "Traceback" in printed) == (2, False)
    assert f"error: {tmp_path / 'gradients.csv'}: can't be written: the disk is full" in printed


def test_what_no_place_expects_is_one_line_too(capsys, monkeypatch) -> None:
    def refuse() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/some/file")

    monkeypatch.setattr("trainer.cli.command.make_app", lambda: refuse)
    assert run(capsys, monkeypatch, "recipes") == (2, "error: /some/file: the disk is full (No space left on device)\n")


def test_ids_that_do_not_fit_say_so(tmp_path: Path) -> None:
    """/dev/full refuses every write, as a disk does that is full."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    path = tmp_path / "train.0.bin"
    path.symlink_to("/dev/full")
    writer = RaggedWriter(path, 300)
    writer.append(range(200))
    with pytest.raises(CheckpointError, match="can't be written: the disk is full"), files.writing(path):
        writer.close()


class TestTwoRuns:
    def test_the_second_is_refused(self, tmp_path, capsys, monkeypatch) -> None:
        out = tmp_path / "model"
        options = [*options_for("language", tmp_path), "--out", out]
        with claimed(out, World(), resume=False):
            before = sorted(tmp_path.rglob("*"))
            for more in ([], ["--resume"], ["--prepare-only"]):
                status, printed = run(capsys, monkeypatch, *options, *more)
                assert status == 2, printed
                assert f"{out}: another run (process {os.getpid()}) is writing there" in " ".join(printed.split())
            assert sorted(tmp_path.rglob("*")) == before
        assert not (tmp_path / "model.training").exists()

    def test_a_killed_run_leaves_none(self, tmp_path: Path) -> None:
        """Its file stays, and its lock does not."""
        out = tmp_path / "model"
        work = session.work_folder(out)
        script = (
            "import os, signal\nfrom pathlib import Path\nfrom trainer.pipeline.claim import Lock\n"
            f"work = Path({str(work)!r}); work.mkdir()\n"
            f"assert Lock(work / {LOCK!r}).take(create=True)\nos.kill(os.getpid(), signal.SIGKILL)"
        )
        assert subprocess.run([sys.executable, "-c", script], check=False).returncode < 0
        assert (work / LOCK).exists()
        with claimed(out, World(), resume=False):
            assert (work / LOCK).read_text() == f"{os.getpid()}\n"

    def test_a_file_system_without_locks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", refuse)
        with claimed(tmp_path / "model", World(), resume=False):
            pass

    def test_a_run_that_ended_in_between(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is finished once the lock is free."""
        out = tmp_path / "model"

        check, calls = session.check_output, []

        def end(directory: Path, resume: bool) -> None:
            check(directory, resume)
            calls.append(directory)
            out.mkdir()
            (out / "metrics.json").write_text('{"evaluations": [{}]}')

        monkeypatch.setattr(session, "check_output", end)
        with pytest.raises(DataError, match="exists already"), claimed(out, World(), resume=False):
            pass
        assert calls == [out]
