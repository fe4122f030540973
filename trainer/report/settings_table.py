"""The tables of settings in docs/training.md, from the fields of the configurations: `python -m
trainer.report.settings_table docs/training.md` rewrites them there.
"""

import ast
import inspect
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, NamedTuple

from models.config import Choice, Range, limits
from models.kinds import KINDS, Kind
from trainer.data.pairs import PairConfig
from trainer.evaluation.config import EvaluationConfig
from trainer.loop.optimization import TrainingConfig
from trainer.tasks.configs import VocabularyConfig
from trainer.tasks.sound_changes import SoundChangesConfig

TITLES = (
    "vocabulary",
    "training pairs",
    "model",
    "training",
    "batches and loss",
    "changes of recordings",
    "counted models",
    "evaluation",
)
BEGIN, END = "<!-- settings: made by python -m trainer.report.settings_table -->", "<!-- end of settings -->"


class Setting(NamedTuple):
    """A field as a person sets it."""

    name: str
    default: str
    limit: str
    meaning: str


def settings_tables() -> str:
    """A Markdown table for each section."""
    return "\n".join(_table(title, configs) for title, configs in _sections().items())


def _sections() -> dict[str, dict[str, type[Any]]]:
    """By title, the configuration of each kind of model."""
    sections: dict[str, dict[str, type[Any]]] = {title: {} for title in TITLES}
    for kind in KINDS.values():
        for config in kind.load_training().configurations:
            sections[_title(kind, config)][kind.name] = config
    return sections


def _title(kind: Kind, config: type[Any]) -> str:
    if config is kind.config:
        return "model"
    for title, base in (
        ("vocabulary", VocabularyConfig),
        ("training pairs", PairConfig),
        ("training", TrainingConfig),
        ("evaluation", EvaluationConfig),
        ("changes of recordings", SoundChangesConfig),
    ):
        if issubclass(config, base):
            return title
    return "counted models" if kind.counted else "batches and loss"


def with_tables(document: str) -> str:
    """A document with the tables between its two marks."""
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{settings_tables()}\n{END}{rest.partition(END)[2]}"


def _table(title: str, configs: Mapping[str, type[Any]]) -> str:
    """One row for a setting that means the same in several kinds of model, with the default of each."""
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    for kind, config in configs.items():
        for setting in _settings(config):
            rows.setdefault((setting.name, setting.limit, setting.meaning), {})[kind] = setting.default
    names = list(dict.fromkeys(name for name, _, _ in rows))
    lines = [f"| {title} | default | range | |", "|---|---|---|---|"]
    for (name, limit, meaning), defaults in sorted(rows.items(), key=lambda row: names.index(row[0][0])):
        lines.append(f"| `{name}` | {_defaults(defaults, len(configs))} | {limit} | {meaning} |")
    return "\n".join(lines) + "\n"


def _defaults(defaults: Mapping[str, str], kinds: int) -> str:
    """The default of most kinds, and those of others by name; all by name where some kinds have no such setting."""
    usual, count = Counter(defaults.values()).most_common(1)[0]
    named = defaults
    if len(defaults) == kinds and 2 * count > kinds:
        named = {"": usual, **{kind: default for kind, default in defaults.items() if default != usual}}
    return "; ".join(f"{kind} {default}".strip() for kind, default in named.items())


def _settings(config: type[Any]) -> Iterator[Setting]:
    """The fields that have a plain default, with the first paragraph of their docstrings."""
    docstrings, ranges = _docstrings(config), limits(config)
    for field in fields(config):
        if field.default is not MISSING and isinstance(field.default, str | int | float):
            meaning = " ".join(docstrings.get(field.name, "").split("\n\n")[0].split())
            yield Setting(field.name, _default(field.default), _limit(ranges.get(field.name)), meaning)


def _docstrings(config: type[Any]) -> dict[str, str]:
    """The string that follows each field in the source, of a class and its bases."""
    docstrings: dict[str, str] = {}
    for owner in reversed(config.__mro__[:-1]):
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        assert isinstance(definition, ast.ClassDef)
        for field, after in zip(definition.body, definition.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(field.target, ast.Name):
                docstrings[field.target.id] = inspect.cleandoc(ast.literal_eval(after.value))
    return docstrings


def _default(value: str | float) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def _limit(limit: Range | Choice | None) -> str:
    if limit is None:
        return ""
    if isinstance(limit, Choice):
        return ", ".join(f"`{value}`" if value else "empty" for value in limit.values)
    return " to ".join(f"{bound:,}" if isinstance(bound, int) else f"{bound:g}" for bound in (limit.low, limit.high))


def main() -> None:
    """Rewrite the tables of the documents named on the command line."""
    for path in map(Path, sys.argv[1:]):
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
