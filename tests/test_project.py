"""What several files of the project say is the same in all of them."""

import re
from pathlib import Path

from app import __version__
from app.main import create_app
from app.settings import Settings

ROOT = Path(__file__).parents[1]


def test_the_version_is_one() -> None:
    citation = dict(
        re.findall(r"^(version|date-released): (\S+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    )
    releases = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\S+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert (__version__, citation["date-released"]) == releases[0]
    assert citation["version"] == __version__
    assert create_app(Settings()).version == __version__


def test_packages_are_typed() -> None:
    assert all((ROOT / package / "py.typed").exists() for package in ("app", "models", "trainer"))


def test_no_line_ending_of_a_checkpoint_is_changed() -> None:
    assert "checkpoints/** -text" in (ROOT / ".gitattributes").read_text(encoding="utf-8").splitlines()
