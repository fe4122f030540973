"""Sequence-level distillation: a translator learns from the translations of larger ones, its teachers.

After Kim and Rush 2016 (arXiv:1606.07947). The teachers, as an ensemble, translate the source side of every training
pair, in each direction. They share the student's vocabulary, so that their ids are trained on as they are.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from models import checkpoint
from models.batch import PADDING_ID, Batch
from models.checkpoint import Checkpoint
from models.config import Config, Range
from models.decoding.batched_search import BestHypotheses, search
from models.errors import DataError
from models.files import write_atomic, writing
from models.json_text import dumps
from models.networks.translator import Translator
from models.runtime.float import FloatTranslator
from models.text.tokenizers import Tokenizer
from trainer.data.padding import fill
from trainer.data.store import IdArray, Ragged, concatenate

ABOUT = "distilled.json"
ROWS = 8192
"""Hypotheses that are extended together, at most."""
TOKENS = 65_536
"""Tokens of the sources that are translated together, at most."""


@dataclass(frozen=True)
class DistillationConfig(Config):
    """How teachers translate, and what of it is trained on."""

    beam_size: Annotated[int, Range(1, 100)] = 4
    """Of the teachers' search; 1 is greedy search."""
    length_penalty: Annotated[float, Range(0.0, 10.0)] = 1.0
    """Likewise."""
    originals: bool = False
    """Whether the student also trains on the pairs as they are."""
    max_tokens: Annotated[int, Range(1, 10_000)] = 100
    """Longer sources keep their target."""


def load_teachers(folders: Sequence[Path], device: torch.device) -> list[Checkpoint]:
    """Raises DataError where they are no translators with the same vocabulary and directions."""
    teachers = [checkpoint.load(folder, device) for folder in folders]
    for teacher in teachers:
        first = teachers[0]
        if not isinstance(teacher.model, Translator):
            raise DataError(f"{teacher.name}: a {teacher.kind}; a translator learns from translators")
        assert isinstance(first.model, Translator)
        if teacher.model.config.directions != first.model.config.directions:
            raise DataError(f"{teacher.name}: its directions are not those of {first.name}")
        if teacher.tokenizer.to_bytes() != first.tokenizer.to_bytes():
            raise DataError(f"{teacher.name}: its vocabulary is not that of {first.name}")
    return teachers


def distil(
    folder: Path,
    teachers: Sequence[Checkpoint],
    tokenizer: Tokenizer,
    texts: Sequence[Ragged],
    config: DistillationConfig,
) -> str:
    """Translate all pairs of a corpus (its two sides), and write the targets into a folder; return a line to print.

    Raises DataError where the corpus has another vocabulary than the teachers, CheckpointError where the disk refuses.
    """
    identity = _identity(teachers, config)
    about = folder / ABOUT
    if about.exists() and json.loads(about.read_text()) == identity:
        return "translated by the teachers before"
    if tokenizer.to_bytes() != teachers[0].tokenizer.to_bytes():
        raise DataError(f"{folder}: its vocabulary is not that of {teachers[0].name}; delete it and start again")
    started, kept = time.monotonic(), 0
    model = teachers[0].model
    assert isinstance(model, Translator)
    with writing(folder):
        for direction, (source, target) in enumerate(model.config.directions):
            sides = [texts[model.config.languages.index(language)] for language in (source, target)]
            translated, complete = _translate(teachers, tokenizer, sides[0], target, config)
            rows = np.arange(len(complete))
            chosen = concatenate([translated, sides[1]]).take(np.where(complete, rows, rows + len(rows)))
            Ragged(chosen.values.astype(sides[1].values.dtype), chosen.offsets).save(_path(folder, direction))
            kept += int(complete.sum())
        write_atomic(about, dumps(identity).encode())  # last: it says that the others are whole
    total = len(texts[0]) * len(model.config.directions)
    return f"{kept:,} of {total:,} sources translated by the teachers in {time.monotonic() - started:.0f} s"


def open_distilled(folder: Path, directions: int) -> tuple[Ragged, ...]:
    """What `distil` wrote: the targets in each direction."""
    return tuple(Ragged.open(_path(folder, direction)) for direction in range(directions))


def _identity(teachers: Sequence[Checkpoint], config: DistillationConfig) -> Mapping[str, Any]:
    return {"teachers": [teacher.version for teacher in teachers], **asdict(config)}


def _path(folder: Path, direction: int) -> Path:
    return folder / f"distilled.{direction}.bin"


def _translate(
    teachers: Sequence[Checkpoint], tokenizer: Tokenizer, sources: Ragged, target: str, config: DistillationConfig
) -> tuple[Ragged, IdArray]:
    """Translations of N sources into a language, and whether each is complete, (N,): ended, with its symbols."""
    runtimes = []
    for teacher in teachers:
        assert isinstance(teacher.model, Translator)
        on_gpu = teacher.model.bias.device.type == "cuda"
        runtimes.append(FloatTranslator(teacher.model, torch.float16 if on_gpu else torch.float32))
    first, end = runtimes[0].model.language_id(target), tokenizer.end_id
    complete = np.zeros(len(sources), bool)
    order, parts = [], []
    for rows in _groups(sources.lengths, config):
        source = _sources(sources, rows, first, end)
        best = search(runtimes, source, end, config.beam_size, config.length_penalty)
        complete[rows] = _complete(source, best, tokenizer.symbol_ids)
        ids, lengths = best.ids.cpu().numpy(), best.lengths.cpu().numpy()
        real = np.arange(ids.shape[1]) < lengths[:, None]
        order.append(rows)
        parts.append(Ragged(ids[real].astype(np.int32), np.concatenate([[0], np.cumsum(lengths)])))
    rest = np.setdiff1d(np.arange(len(sources)), np.concatenate([np.empty(0, np.int64), *order]))
    order.append(rest)
    parts.append(Ragged(np.empty(0, np.int32), np.zeros(len(rest) + 1, np.int64)))
    return concatenate(parts).take(np.argsort(np.concatenate(order), kind="stable")), complete


def _groups(lengths: IdArray, config: DistillationConfig) -> Iterator[IdArray]:
    """The indices of sources of similar length, the longest first, since those need most memory."""
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] <= config.max_tokens]
    first = 0
    while first < len(order):
        count = max(1, min(ROWS // config.beam_size, TOKENS // (int(lengths[order[first]]) + 2)))
        yield order[first : first + count]
        first += count


def _sources(sources: Ragged, rows: IdArray, first: int, end: int) -> Batch:
    lengths = sources.lengths[rows]
    ids = np.full((len(rows), int(lengths.max()) + 2), PADDING_ID)
    ids[:, 0] = first
    ids[np.arange(len(rows)), lengths + 1] = end
    fill(ids, np.arange(len(rows)), 1, sources.values, sources.offsets[rows], lengths)
    return Batch(torch.from_numpy(ids), torch.from_numpy(lengths + 2))


def _complete(source: Batch, best: BestHypotheses, symbol_ids: Sequence[int]) -> IdArray:
    """Whether hypotheses ended, with as many of each symbol as the source has."""
    complete = best.finished & (best.lengths > 0)
    ids = source.ids.to(best.ids.device)
    same: Tensor = complete
    for symbol in symbol_ids:
        same = same & ((ids == symbol).sum(dim=1) == (best.ids == symbol).sum(dim=1))
    array: IdArray = same.cpu().numpy()
    return array
