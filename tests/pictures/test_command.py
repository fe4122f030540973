"""`carousel describe`: the same answers from the shell."""

import json
import sys
from pathlib import Path

import pytest

from app.cli import cli
from tests.pictures.digits import draw_line, png


@pytest.fixture
def shell(captioners: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs the command here; returns its status, its output and its errors."""
    monkeypatch.setenv("CAROUSEL_CHECKPOINTS", str(captioners))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["carousel", "describe", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return stop.value.code, *capsys.readouterr()

    return call


def test_each_picture_has_a_line(shell, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(png(draw_line([number, 7])))
    status, out, _ = shell("0.png", "1.png", "2.png", "--language", "tr")
    assert (status, out.count("\n")) == (0, 3)
    status, whole, _ = shell("0.png", "--language", "tr", "--json")
    assert status == 0
    assert json.loads(whole)["text"] == out.splitlines()[0]


def test_what_is_no_picture_is_an_error(shell, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("three")
    assert shell("text.png")[0] == 2
    status, _, error = shell("missing.png")
    assert (status, "missing.png" in error) == (2, True)
