"""The settings in docs/training.md are those of the code."""

import re
from pathlib import Path

from models.kinds import KINDS
from trainer.pipeline.options import settable
from trainer.report.settings_table import with_tables

DOCS = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")


def test_the_tables_are_made_from_the_configurations() -> None:
    assert with_tables(DOCS) == DOCS, "python -m trainer.report.settings_table docs/training.md"


def test_every_setting_is_explained_and_none_else() -> None:
    section = DOCS[DOCS.index("## Settings") : DOCS.index("<!-- end of settings -->")]
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.+) \|$", section, re.MULTILINE)
    configs = {config for kind in KINDS.values() for config in kind.load_training().configurations}
    known = {name for config in configs for name in settable(config)}
    assert {name for name, _ in rows} == known
    assert all(meaning.strip() for _, meaning in rows)
