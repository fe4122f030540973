"""What docs/training.md says of settings is all that there are."""

import re
from pathlib import Path

from trainer.pipeline.options import settable
from trainer.pipeline.plan import CONFIGURATIONS

DOCS = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")


def test_every_setting_is_explained_and_none_else() -> None:
    section = DOCS[DOCS.index("## Settings") : DOCS.index("## Starting from a model that has read before")]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    known = {name for kinds in CONFIGURATIONS.values() for kind in kinds for name in settable(kind)}
    assert explained == known
