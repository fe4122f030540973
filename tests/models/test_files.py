"""Laws of writing a file: all of the new content or all of the old one, and nothing left beside it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from models.files import replacing, write_atomic, write_synced

CUT_OFF = """
import os, signal, sys
from pathlib import Path
from models.files import replacing

with replacing(Path(sys.argv[1])) as file:
    file.write(b"the new content" * 1000)
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    write_atomic(path, b"old")
    return path


def test_written_is_read(path: Path) -> None:
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    write_synced(path, b"newer")
    assert path.read_bytes() == b"newer"
    assert list(path.parent.iterdir()) == [path]


def test_killed_in_the_middle_the_old_content_stays(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CUT_OFF, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    write_atomic(path, b"new")  # over what the killed process left
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_a_block_that_raises_leaves_the_old_content(path: Path) -> None:
    def write_half() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise RuntimeError("half of it")

    with pytest.raises(RuntimeError, match="half"):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_a_disk_that_refuses_leaves_the_old_content(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_a_new_file_has_the_mode_from_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    with replacing(path, mode=0o600) as file:
        assert os.fstat(file.fileno()).st_mode & 0o777 == 0o600
    assert path.stat().st_mode & 0o777 == 0o600
