"""What a run's data are: lengths, labels, unknown tokens, and leakage of validation texts into the training data."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.text.tokenizers import Tokenizer
from trainer.data.skipped import Skipped

MAX_LABELS_SHOWN = 20
MAX_EXAMPLE_CHARACTERS = 80


@dataclass
class SplitReport:
    """Counts of one split's rows."""

    tokenizer: Tokenizer
    rows: int = 0
    lengths: Counter[int] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    units: int = 0
    unknown: int = 0

    def add(self, text: str, ids: Sequence[int]) -> None:
        self.lengths[len(ids)] += 1
        self.units += len(text) if self.tokenizer.unit == "characters" else len(ids)
        self.unknown += self.tokenizer.unknown(ids)

    def quantile(self, share: float) -> int:
        """The number of tokens that this share of the texts does not exceed."""
        remaining = share * self.lengths.total()
        for length, count in sorted(self.lengths.items()):
            remaining -= count
            if remaining <= 0:
                return length
        return 0

    def summary(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "tokens": sum(length * count for length, count in self.lengths.items()),
            "median_tokens": self.quantile(0.5),
            "tokens_95_percent": self.quantile(0.95),
            "longest_tokens": self.quantile(1.0),
            f"unknown_{self.tokenizer.unit}": round(self.unknown / max(1, self.units), 6),
            "labels": dict(self.labels.most_common()),
        }


class DataReport:
    """Both splits, and how many validation texts of each column are in the training data too."""

    def __init__(self, tokenizer: Tokenizer, columns: int) -> None:
        self.tokenizer = tokenizer
        self.train, self.valid = SplitReport(tokenizer), SplitReport(tokenizer)
        self.leaked = [0] * columns
        self.skipped = {"train": Skipped(), "validation": Skipped()}
        self.example = ""
        self.checks_leakage = True
        self.known_words: Mapping[str, Any] = {}
        """Of the training text: how many, and which share of the validation text's words are others."""
        self._valid_hashes: list[Counter[int]] = [Counter() for _ in range(columns)]
        self._leaked_hashes: list[set[int]] = [set() for _ in range(columns)]

    def add_valid(self, text: str, ids: Sequence[int], column: int) -> None:
        """Count a validation text; all of them come before the training texts."""
        self.valid.add(text, ids)
        self._valid_hashes[column][hash(text.strip())] += 1

    def add_train(self, text: str, ids: Sequence[int], column: int) -> None:
        """Count a training text, and the validation texts that are equal to it."""
        self.train.add(text, ids)
        key = hash(text.strip())
        copies = self._valid_hashes[column].get(key, 0)
        if self.checks_leakage and copies and key not in self._leaked_hashes[column]:
            self._leaked_hashes[column].add(key)
            self.leaked[column] += copies
            self.example = self.example or text.strip()

    def summary(self) -> dict[str, Any]:
        """As plain data, for the checkpoint's record."""
        return {
            "train": self.train.summary(),
            "valid": self.valid.summary(),
            "validation_texts_in_training": self.leaked,
            **({"known_words": dict(self.known_words)} if self.known_words else {}),
            "skipped": {name: dict(skipped.counts) for name, skipped in self.skipped.items() if skipped.counts},
        }


def show(report: DataReport, console: Console) -> None:
    """Print the report, and a warning where validation texts are in the training data."""
    console.print(_table(report))
    for name, skipped in report.skipped.items():
        for line in skipped.lines():
            warn(console, f"{name} data: skipped for a {line}")
    if any(report.leaked):
        leaked = " and ".join(f"{count:,}" for count in report.leaked)
        example = report.example
        if len(example) > MAX_EXAMPLE_CHARACTERS:
            example = example[: MAX_EXAMPLE_CHARACTERS - 1] + "…"
        warn(
            console,
            f"{leaked} of {report.valid.rows:,} validation texts are in the training data too, such as "
            f"{example!r}: scores on them will be optimistic (leakage)",
        )


def warn(console: Console, message: str) -> None:
    console.print(f"warning: {message}", style="yellow", markup=False, highlight=False, soft_wrap=True)


def _table(report: DataReport) -> Table:
    table = Table("", "train", "validation", title="the data", title_justify="left")
    train, valid = report.train.summary(), report.valid.summary()
    titles = {
        "rows": "rows", "tokens": "tokens", "median_tokens": "tokens of a text, median",
        "tokens_95_percent": "… 95th percentile", "longest_tokens": "… maximum",
    }  # fmt: skip
    for name, title in titles.items():
        table.add_row(title, f"{train[name]:,}", f"{valid[name]:,}")
    unknown = f"unknown_{report.tokenizer.unit}"
    table.add_row("vocabulary", f"{report.tokenizer.size:,}", "")
    table.add_row(f"unknown {report.tokenizer.unit}", f"{train[unknown]:.3%}", f"{valid[unknown]:.3%}")
    labels = train["labels"]
    for label, count in list(labels.items())[:MAX_LABELS_SHOWN]:
        table.add_row(escape(f"label {label}"), f"{count:,}", f"{valid['labels'].get(label, 0):,}")
    if len(labels) > MAX_LABELS_SHOWN:
        table.add_row(f"… and {len(labels) - MAX_LABELS_SHOWN:,} labels more", "", "")
    return table
