"""The cells of docs/lecture.ipynb run, one after the other, against a live server."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import Live

NOTEBOOK = Path(__file__).parents[2] / "docs" / "lecture.ipynb"


def test_all_cells_run(live: Live) -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(code) == 9
    assert all(not cell["outputs"] for cell in cells if cell["cell_type"] == "code")
    environment = {**os.environ, "CAROUSEL_URL": live.url}
    command = [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", "\n".join(code)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "man 75%, boy 25%" in done.stdout
    assert "perplexity" in done.stdout
