"""Every block of code on the pages about HTTP does what it says, against a live server."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Live

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(bash|python|js)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = "http://localhost:8000"
COMMANDS = {
    "bash": ["bash", "-euo", "pipefail", "-c"],
    "python": [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c"],
    "js": ["node", "--input-type=module", "--eval"],
}
BLOCKS = [
    pytest.param(language, code, id=f"{page}-{number}-{language}")
    for page in ("clients", "http")
    for number, (language, code) in enumerate(BLOCK.findall((DOCS / f"{page}.md").read_text(encoding="utf-8")))
]


def test_there_are_all() -> None:
    assert sorted(str(block.values[0]) for block in BLOCKS) == ["bash", "bash", "js", *["python"] * 7]


@pytest.mark.parametrize(("language", "code"), BLOCKS)
def test_it_runs(live: Live, language: str, code: str) -> None:
    if shutil.which(COMMANDS[language][0]) is None:
        pytest.skip(f"{COMMANDS[language][0]} is not installed")
    assert PLACE in code
    done = subprocess.run(
        [*COMMANDS[language], code.replace(PLACE, live.url)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert '"status":4' not in done.stdout
