"""Every block of code on the pages about HTTP does what it says, against a live server."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from app.catalog.loading import Choice, load_models
from tests.conftest import Live, Serve
from tests.sounds import file_of, tone

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(bash|python|js)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"(?:http://)?localhost:8000")
COMMANDS = {
    "bash": ["bash", "-euo", "pipefail", "-c"],
    "python": [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c"],
    "js": ["node", "--input-type=module", "--eval"],
}
BLOCKS = [
    pytest.param(language, code, id=f"{page}-{number}-{language}")
    for page in ("clients", "http", "images")
    for number, (language, code) in enumerate(BLOCK.findall((DOCS / f"{page}.md").read_text(encoding="utf-8")))
]


@pytest.fixture(scope="module")
def shipped(serve: Serve) -> Live:
    """With the models that the pages name."""
    return serve(load_models(Choice(CHECKPOINTS), torch.device("cpu")), lessons=True)


def test_there_are_all() -> None:
    assert sorted(str(block.values[0]) for block in BLOCKS) == [*["bash"] * 6, "js", *["python"] * 12]


@pytest.mark.parametrize(("language", "code"), BLOCKS)
def test_it_runs(shipped: Live, tmp_path: Path, language: str, code: str) -> None:
    if shutil.which(COMMANDS[language][0]) is None:
        pytest.skip(f"{COMMANDS[language][0]} is not installed")
    code, replaced = PLACE.subn(shipped.url, code)
    assert replaced
    (tmp_path / "digits.wav").write_bytes(file_of(tone(1.0)))
    scripts = Path(sys.executable).parent
    done = subprocess.run(
        [*COMMANDS[language], code],
        capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path,
        env=os.environ | {"PATH": f"{scripts}:{os.environ['PATH']}", "CAROUSEL_CHECKPOINTS": str(CHECKPOINTS)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() or list(tmp_path.glob("*.png"))
    assert '"status":4' not in done.stdout
