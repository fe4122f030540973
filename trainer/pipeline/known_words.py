"""The words of a training text, added to a checkpoint that was trained before checkpoints kept them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models import checkpoint
from models.errors import DataError
from models.kinds import Kind, kind_named
from models.tables.lines import TextFormat
from trainer.data.corpus import usable
from trainer.data.sources import Source, all_rows, describe, parse_source
from trainer.data.word_counts import MAX_UNKNOWN, WordCounts, has_spelled_words, unknown_share
from trainer.pipeline import session


def add_known_words(
    directory: Path, train: Sequence[str], valid: Sequence[str], root: Path, form: TextFormat
) -> dict[str, Any]:
    """Write the filter of the training text's words into the checkpoint of a language model or a translator.

    Return what config.json records of it.

    Without names of data, they are those in its config.json. Raises DataError for another kind of model, for files that
    are not those it was trained on, and for words that would hide too many of the validation text's.
    """
    loaded = checkpoint.load(directory)
    kind = kind_named(loaded.kind)
    if kind.task not in ("language", "translator") or not has_spelled_words(loaded.tokenizer):
        raise DataError(
            f"{directory}: only a language model or a translator whose words are spelled by pieces needs a list of them"
        )
    recorded = loaded.training["data"]
    training_text = _sources(kind, train, recorded["train"], root, "train", form)
    held_out = _sources(kind, valid, recorded["valid"], root, "validation", form)
    words = WordCounts(loaded.tokenizer, stems=kind.text_columns > 1)
    for row in usable(all_rows(training_text), kind.text_columns):
        for text in row[: kind.text_columns]:
            words.add(text)
    languages = loaded.languages[: kind.text_columns]
    known = words.known(languages[0])
    rows = usable(all_rows(held_out), kind.text_columns)
    unknown = unknown_share(known, rows, languages, loaded.tokenizer)
    if unknown is None or unknown > MAX_UNKNOWN:
        share = (
            "the validation text has no words"
            if unknown is None
            else f"its training text lacks {unknown:.1%} of the validation text's words"
        )
        raise DataError(f"{directory}: {share}; {MAX_UNKNOWN:.0%} is the most")
    data = describe(training_text)
    record = {"words": known.count, "unknown_in_validation": unknown, "kept": True, "data": data}
    session.write_known_words(loaded, directory, known, record)
    return record


def _sources(
    kind: Kind, names: Sequence[str], recorded: Sequence[dict[str, str]], root: Path, split: str, form: TextFormat
) -> list[Source]:
    """Named sources, or those of the record, which must be the same files as then."""
    chosen = names or [entry["name"] for entry in recorded]
    sources = [parse_source(name, root, kind.columns, kind.tsv_columns, split, form) for name in chosen]
    if not names:
        for source, before in zip(sources, recorded, strict=True):
            if source.describe().get("sha256") != before.get("sha256"):
                raise DataError(f"{source.name}: not the file that the checkpoint was trained or validated on")
    return sources
