"""Named recipes: what to train on and how, so that one command makes each model again.

Each is a TOML file beside this one. File names in it are relative to the folder of corpora, `--data`
or CAROUSEL_DATA.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from trainer.pipeline.options import Value


@dataclass(frozen=True)
class Recipe:
    """Defaults for a run; the command line overrides them."""

    kind: str
    about: str = ""
    languages: tuple[str, ...] = ()
    train: tuple[str, ...] = ()
    valid: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    """Data on which the finished model is measured too; nothing is chosen by it."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the data that are read as another one."""
    one_way: bool = False
    base: str = ""
    """The recipe of the language model that a classifier starts from."""
    settings: Mapping[str, Value] = field(default_factory=dict)
    labelling: Mapping[str, Any] = field(default_factory=dict)
    """Of a classifier that also learns from what others say of text without labels: `teachers`, each a recipe and a
    seed, `unlabelled` text, and the settings of a LabellingConfig."""
    distillation: Mapping[str, Any] = field(default_factory=dict)
    """Of a translator that learns from the translations of others: `teachers`, as of labelling, and the settings of a
    DistillationConfig."""
    data_note: str = ""
    limits: str = ""


def recipe_names(kind: str = "") -> list[str]:
    """All names, or those of one kind of model, sorted."""
    names = sorted(
        file.name.removesuffix(".toml") for file in resources.files(__name__).iterdir() if file.name.endswith(".toml")
    )
    return [name for name in names if not kind or load_recipe(name).kind == kind]


def load_recipe(name: str) -> Recipe:
    """Read the recipe of a known name."""
    content = tomllib.loads((resources.files(__name__) / f"{name}.toml").read_text(encoding="utf-8"))
    lists = {key: tuple(value) for key, value in content.items() if isinstance(value, list)}
    texts = {key: value.strip() for key, value in content.items() if isinstance(value, str)}
    return Recipe(**{**content, **texts, **lists})
