"""What several files of the project say is the same in all of them."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from app import __version__
from app.catalog.defaults import choose_defaults
from app.main import create_app
from app.settings import Settings
from models.checkpoint_files import MANIFEST
from models.peek import peek

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


def test_a_shipped_model_answers_by_default_for_each_use() -> None:
    shipped = [peek(path.parent) for path in sorted((ROOT / "checkpoints").glob(f"*/{MANIFEST}"))]
    defaults = choose_defaults(shipped, {})
    uses = {
        "generate:en", "generate:tr", "classify:en", "classify:tr", "translate:en-tr", "translate:tr-en",
        "draw", "describe:en", "describe:tr", "transcribe", "speak", "summarize:en",
    }  # fmt: skip
    assert uses == defaults.keys()
    unmarked = [default.use for default in defaults.values() if default.chosen_by != "checkpoint"]
    assert not unmarked, "a shipped model was replaced: mark it with `carousel default NAME`"


def measured(scores: dict[str, Any], int8: dict[str, Any]) -> Iterator[tuple[str, float, float]]:
    """Names of measures, in float32 and in int8."""
    if "perplexity_per_word" in int8:
        yield "perplexity per word", scores["perplexity_per_word"], int8["perplexity_per_word"]
    if "accuracy" in int8:
        yield "accuracy, %", 100 * scores["accuracy"], 100 * int8["accuracy"]
    for direction in (name for name in int8 if "bleu" in str(int8[name])):
        yield f"BLEU {direction}", scores[direction]["bleu"], int8[direction]["bleu"]


def test_the_table_of_int8_is_that_of_the_checkpoints() -> None:
    rows = ["| model | data | measure | float32 | int8 |", "|---|---|---|---|---|"]
    for path in sorted((ROOT / "checkpoints").glob("*/metrics.json")):
        for evaluation in json.loads(path.read_text(encoding="utf-8"))["evaluations"]:
            scores, data = evaluation["scores"], evaluation["data"]["name"]
            for measure, full, int8 in measured(scores, scores.get("int8", {})):
                rows.append(f"| `{path.parent.name}` | `{data}` | {measure} | {full:.2f} | {int8:.2f} |")
    table = "\n".join(rows)
    assert f"\n\n{table}\n\n" in (ROOT / "docs/engine.md").read_text(encoding="utf-8"), table


@pytest.mark.slow
def test_serving_needs_no_extra() -> None:
    """The service and the shell import nothing that only training, tests or benchmarks bring."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name for names in project["optional-dependencies"].values() for name in map(distribution, names)}
    only_extra = extras - set(map(distribution, project["dependencies"])) - {"carousel-lstm"}
    modules = {module for module, names in packages_distributions().items() if only_extra.issuperset(map(norm, names))}
    code = "import sys, app.cli.cli, app.cli.serving, app.cli.answering, app.cli.listing; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert modules.isdisjoint(done.stdout.split())


@pytest.mark.slow
def test_serving_imports_nothing_that_it_never_calls() -> None:
    """Clients of HTTP, PyTorch's compilers and exporters, other parts of the project: each takes time at the start."""
    code = "import sys, app.factories, app.http.server, app.main, app.processes.engine_process; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    unused = {"requests", "urllib3", "httpx", "torch._dynamo", "torch._inductor", "torch.onnx", "trainer", "benchmarks"}
    assert unused.isdisjoint(done.stdout.split())


def distribution(requirement: str) -> str:
    return norm(re.split(r"[\[<>=;~! ]", requirement)[0])


def norm(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.slow
def test_training_without_its_extra_says_how_to_install_it() -> None:
    code = "import sys; sys.modules['scipy'] = None; import trainer.cli; trainer.cli.main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    expected = "error: training needs scipy: make trainer, or pip install -e '.[train]'\n"
    assert (done.returncode, done.stderr) == (2, expected)
