"""The examples as sources of rows, by the names that recipes and the command line have for them."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models.errors import DataError
from models.tables.lines import TextFormat
from models.text.emoji import LANGUAGES
from trainer.data.files import UTF8, Row, read_rows
from trainer.data.sentiment.emoji import emoji
from trainer.data.sentiment.negation import negation
from trainer.data.sentiment.neutral import neutral
from trainer.data.sentiment.words import Part
from trainer.data.skipped import Skipped

PREFIX = "sentiment:"
RULES: dict[str, Callable[[str, Part], Iterator[tuple[str, str]]]] = {"negation": negation, "emoji": emoji}
UNSEEN = "-unseen"
FORM = "sentiment:RULE-LANGUAGE[-unseen] with RULE negation or emoji, or sentiment:neutral-LANGUAGE:FILE[:COLUMN]"


@dataclass(frozen=True)
class SentimentSource:
    """Texts with a label of opinion. Without a path they are generated, else a file's neutral texts."""

    name: str
    rule: str
    language: str
    part: Part = "train"
    path: Path | None = None
    column: str = "text"
    form: TextFormat = UTF8

    def rows(self, skipped: Skipped | None = None) -> Iterator[Row]:
        if self.path is None:
            return RULES[self.rule](self.language, self.part)
        texts = (text for (text,) in read_rows(self.path, (self.column,), 1, self.form, skipped))
        return neutral(texts, self.language)

    def describe(self) -> dict[str, str]:
        """The checksum is that of the rows."""
        content = "\n".join("\t".join(row) for row in self.rows())
        return {"name": self.name, "sha256": hashlib.sha256(content.encode("utf-8")).hexdigest()}


def parse_sentiment(name: str, root: Path, split: str, form: TextFormat = UTF8) -> SentimentSource:
    """Parse a name; what is held back is the split `validation`. Raises DataError for one of another form."""
    head, _, file = name.removeprefix(PREFIX).partition(":")
    unseen = head.endswith(UNSEEN) and split != "train"
    head = head.removesuffix(UNSEEN) if unseen else head
    rule, _, language = head.partition("-")
    if language not in LANGUAGES or (rule not in RULES and rule != "neutral") or (rule == "neutral") != bool(file):
        raise DataError(f"{name}: not of the form {FORM}, where LANGUAGE is {' or '.join(LANGUAGES)}")
    if not file:
        return SentimentSource(
            name, rule, language, "unseen" if unseen else "train" if split == "train" else "held_back"
        )
    path, _, column = file.partition(":")
    default = "1" if path.endswith((".tsv", ".tsv.gz")) else "text"
    return SentimentSource(name, rule, language, path=root / path, column=column or default, form=form)
