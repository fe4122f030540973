"""What several files of the project say is the same in all of them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    assert {default.use: default.chosen_by for default in choose_defaults(shipped, {}).values()} == dict.fromkeys(
        ("generate:en", "generate:tr", "classify:en", "classify:tr", "translate:en-tr", "translate:tr-en"), "checkpoint"
    ), "a shipped model was replaced: mark it with `carousel default NAME`"


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
