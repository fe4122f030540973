"""The vocabulary and the corpus of a run, from rows of text."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from models.errors import ConfigError, DataError, TokenizerError
from models.kinds import Kind
from models.text.tokenizers import SubwordTokenizer, Tokenizer
from trainer.data.corpus import CorpusWriter, usable
from trainer.data.files import Row
from trainer.data.report import DataReport
from trainer.data.skipped import Skipped
from trainer.data.sources import Source, all_rows
from trainer.tasks.configs import TOKENIZERS, VocabularyConfig
from trainer.tasks.training import Training


def usable_rows(sources: Sequence[Source], kind: Kind, skipped: Skipped | None = None) -> Iterator[Row]:
    """The rows of all sources without a blank text; those left out are counted in skipped."""
    return usable(all_rows(sources, skipped), kind.text_columns)


def nothing_left(name: str, skipped: Skipped) -> str:
    reasons = "".join(f"; {line}" for line in skipped.lines())
    return f"the {name} data has no row without a blank text or label{reasons}"


def prepare(
    kind: Kind,
    training: Training,
    folder: Path,
    rows: Callable[..., Iterator[Row]],
    valid: list[Row],
    tokenizer: Tokenizer | Callable[[Iterator[Row]], Tokenizer],
    identity: Mapping[str, Any],
    skipped_valid: Skipped,
    unchanged: Callable[[], Iterator[Row]] | None = None,
) -> DataReport:
    """Train a tokenizer if there is none yet, and write the corpus.

    unchanged gives the rows as the sources have them, where `rows` changes them.
    """
    skipped = Skipped()
    if next(rows(skipped=skipped), None) is None:
        raise DataError(nothing_left("training", skipped))
    try:
        tokenizer = tokenizer(rows()) if callable(tokenizer) else tokenizer
    except TokenizerError as error:
        raise DataError(f"{', '.join(source['name'] for source in identity['data']['train'])}: {error}") from None
    writer = CorpusWriter(folder, tokenizer, training.stream, kind.text_columns, identity)
    skipped = Skipped()
    writer.report.skipped = {"train": skipped, "validation": skipped_valid}
    writer.report.checks_leakage = not training.shares_texts
    writer.write(rows(skipped=skipped), valid, unchanged() if unchanged else None)
    return writer.report


def train_tokenizer(
    rows: Iterator[Row], texts: int, config: VocabularyConfig, symbols: tuple[str, ...] = ()
) -> Tokenizer:
    """A tokenizer of the texts of rows, with a piece for each symbol."""
    lines = (text for row in rows for text in row[:texts])
    size, lowercase, emoji = config.vocabulary_size, config.lowercase, config.emoji
    if not symbols:
        return TOKENIZERS[config.tokenizer].train(lines, size, lowercase, emoji=emoji)
    if config.tokenizer != "subword":
        raise ConfigError("symbols is for subwords")
    return SubwordTokenizer.train(lines, size, lowercase, symbols, emoji)
