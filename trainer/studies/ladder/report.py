"""The report of a ladder: Markdown, JSON and a PNG."""

import math
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from rich.console import Console

from models.json_text import dumps, finite
from trainer.data.sources import Source
from trainer.studies.ladder.figures import Figures, measure
from trainer.studies.ladder.ladder import Ladder, Train
from trainer.studies.ladder.measures import POSITIONS
from trainer.studies.ladder.plots import ladder_picture
from trainer.studies.output import write

Rows = Mapping[str, Mapping[str, Any]]


def run_ladder(
    ladder: Ladder, train: Sequence[Source], valid: Sequence[Source], train_model: Train, console: Console
) -> None:
    """Train every rung that is not there yet, measure all of them, and write the report. Raises ModelError."""
    ladder.prepare(train, valid)
    ladder.train(train_model)
    figures = measure(ladder, console)
    write(ladder.folder / "ladder.json", (dumps(finite(figures), indent=2, ensure_ascii=True) + "\n").encode("utf-8"))
    write(ladder.folder / "ladder.png", ladder_picture(figures))
    write(ladder.folder / "report.md", as_markdown(figures).encode("utf-8"))
    console.print(f"made {ladder.folder / 'report.md'}, ladder.png and ladder.json", markup=False, highlight=False)


def as_markdown(figures: Figures) -> str:
    """The template report.md with its tables."""
    readers, judges = figures["readers"], figures["judges"]
    contexts = list(next(iter(readers.values()))["contexts"])
    template = (resources.files(__package__) / "report.md").read_text(encoding="utf-8")
    return template.format(
        **figures,
        positions=min(POSITIONS, figures["words"]),
        context=contexts[-1],
        shares=", ".join(f"{share:.0%}" for share in figures["groups"].values()),
        overview=_overview(readers),
        order=_order(readers),
        flipped=_flipped(judges),
        by_length=_perplexities(readers, "by_length"),
        learning=_learning(readers, figures["vocabulary"]),
        by_group=_perplexities(readers, "by_group"),
        costs=_costs(readers),
        by_context=_table(
            ["rung", *contexts],
            [[name, *map(_prediction, of["contexts"].values())] for name, of in readers.items()],
        ),
    )


def _overview(readers: Rows) -> str:
    rows = [
        [
            name,
            _number(of["perplexity"]),
            f"{of['kept']['accuracy']:.1%}",
            f"{of['megabytes']:.1f}",
            f"{of['seconds']:,.0f}",
            f"{of['requests_per_second']:,.0f}",
        ]
        for name, of in readers.items()
    ]
    return _table(["rung", "perplexity", "accuracy", "size, MB", "trained in, s", "requests/s"], rows)


def _costs(readers: Rows) -> str:
    lengths = list(next(iter(readers.values()))["costs"])
    rows = [
        [
            name,
            f"{of['parameters']:,}",
            *(f"{of['costs'][words]['state_bytes']:,}" for words in lengths),
            *(f"{1e6 * of['costs'][words]['step_s']:,.0f}" for words in lengths),
        ]
        for name, of in readers.items()
    ]
    head = [
        "rung",
        "numbers",
        *(f"bytes after {words}" for words in lengths),
        *(f"µs after {words}" for words in lengths),
    ]
    return _table(head, rows)


def _order(readers: Rows) -> str:
    rows = [
        [
            name,
            *(f"{of[way]['accuracy']:.1%}" for way in ("kept", "shuffled")),
            *(_prediction(of[way]) for way in ("kept", "shuffled")),
        ]
        for name, of in readers.items()
    ]
    return _table(["rung", "accuracy", "accuracy, shuffled", "perplexity", "perplexity, shuffled"], rows)


def _flipped(judges: Rows) -> str:
    columns = ("texts", "pairs", "texts_apart", "pairs_apart")
    rows = [[name, *(f"{of[column]:.1%}" for column in columns)] for name, of in judges.items()]
    return _table(["rung", "texts correct", "pairs correct", "apart: texts", "apart: pairs"], rows)


def _learning(readers: Rows, vocabulary: int) -> str:
    rows = [
        [name, f"about {vocabulary:,}", *(_number(of["learning"][index][1]) for index in (0, -1))]
        for name, of in readers.items()
        if of["learning"]
    ]
    return _table(["rung", "untrained", "after the first half epoch", "at the end"], rows)


def _perplexities(readers: Rows, key: str) -> str:
    """A row for each rung, a column for each of its perplexities under key."""
    columns = next(iter(readers.values()))[key]
    return _table(["rung", *columns], [[name, *map(_number, of[key].values())] for name, of in readers.items()])


def _prediction(figures: Mapping[str, float]) -> str:
    """Perplexity, or the share of words with zero probability."""
    if figures["impossible"]:
        return f"∞ ({figures['impossible']:.0%} impossible)"
    return _number(figures["perplexity"])


def _number(value: float) -> str:
    return f"{value:,.1f}" if math.isfinite(value) else "∞"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
