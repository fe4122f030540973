"""`carousel-train languages`: lists of words with their frequencies, to the table that languages are detected by."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console

from models.errors import DataError
from models.files import writing
from models.text.languages import RARE, STEP, IntArray, LanguageTable, fold, is_word, key, ngrams

Shares = dict[str, float]
"""Folded words with their shares of a language's text."""
UNLISTED = 3e-8
"""The share that a word is taken to have in languages that do not list it, where n-grams are learned."""
SMOOTHING = 0.3
"""Words are drawn with this power of their frequency: those in no list are like the rarer ones."""


@dataclass(frozen=True)
class TableConfig:
    """listed words of each language are in the table; n-grams are learned from the first `learned`, in 2 ** bits
    buckets, by Adam over `steps` batches, the step falling from `learning_rate` to nothing."""

    listed: int = 15_000
    learned: int = 30_000
    bits: int = 16
    steps: int = 1_200
    batch: int = 4_096
    learning_rate: float = 0.02
    seed: int = 1


def read_lists(folder: Path) -> dict[str, Shares]:
    """The lists of a folder, by language: en.tsv has a word, a tab and its frequency a line.

    Raises DataError for a folder without two of them, and for a line that is not so.
    """
    lists = {path.stem: _read_list(path) for path in sorted(folder.glob("*.tsv"))}
    if len(lists) < 2:
        raise DataError(f"{folder}: fewer than two lists of words, named by their languages: en.tsv, tr.tsv")
    return lists


def _read_list(path: Path) -> Shares:
    shares: Shares = {}
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            word, _, frequency = line.rstrip("\n").partition("\t")
            try:
                weight = float(frequency)
            except ValueError:
                raise DataError(f"{path}, line {number}: no word, tab and frequency") from None
            if weight > 0 and is_word(folded := fold(word)):
                shares[folded] = shares.get(folded, 0.0) + weight
    total = sum(shares.values())
    return {word: share / total for word, share in sorted(shares.items(), key=lambda item: -item[1])}


def run_languages(lists: Mapping[str, Shares], path: Path, config: TableConfig, console: Console) -> None:
    """Make the table and write it."""
    table = make_table(list(lists), list(lists.values()), config, console)
    with writing(path):
        table.save(path)
    size = path.stat().st_size / 1e6
    console.print(f"made {path}: {len(lists)} languages, {len(table.keys):,} words, {size:.1f} MB", markup=False)


def make_table(
    languages: Sequence[str], lists: Sequence[Shares], config: TableConfig, console: Console
) -> LanguageTable:
    weights = _learn_ngrams(lists, config, console)
    words = {word for shares in lists for word in list(shares)[: config.listed]}
    by_key: dict[int, dict[int, int]] = {}
    for word in words:
        steps = by_key.setdefault(key(word), {})
        for index, shares in enumerate(lists):
            value = round(math.log(shares[word] / RARE) / STEP) if word in shares else 0
            steps[index] = max(steps.get(index, 0), min(value, 255))
    keys = sorted(by_key)
    postings = [[(index, value) for index, value in sorted(by_key[one].items()) if value > 0] for one in keys]
    flat = np.array([posting for row in postings for posting in row], dtype=np.uint8).reshape(-1, 2)
    return LanguageTable(
        tuple(languages),
        np.array(keys, dtype=np.uint32),
        np.cumsum([0, *map(len, postings)]).astype(np.uint32),
        np.ascontiguousarray(flat[:, 0]),
        np.ascontiguousarray(flat[:, 1]),
        np.clip(np.round(weights / STEP), -127, 127).astype(np.int8),
    )


class _Words:
    """The words that n-grams are learned from, each with its buckets and its probabilities of the languages."""

    def __init__(self, lists: Sequence[Shares], config: TableConfig) -> None:
        words = list(dict.fromkeys(word for shares in lists for word in list(shares)[: config.learned]))
        index = {word: number for number, word in enumerate(words)}
        shares_of = np.full((len(words), len(lists)), UNLISTED, dtype=np.float32)
        self.of_language: list[IntArray] = []
        self.cumulative: list[npt.NDArray[np.float64]] = []
        for column, shares in enumerate(lists):
            known = [(index[word], share) for word, share in shares.items() if word in index]
            rows, values = np.array([row for row, _ in known]), np.array([share for _, share in known])
            shares_of[rows, column] = values
            cumulative = np.cumsum(values**SMOOTHING)
            self.of_language.append(rows)
            self.cumulative.append(cumulative / cumulative[-1])
        self.posterior = torch.from_numpy(shares_of / shares_of.sum(axis=1, keepdims=True))
        buckets = [np.array(ngrams(word), dtype=np.int64) & (2**config.bits - 1) for word in words]
        self.counts = np.array([len(one) for one in buckets])
        self.offsets = np.cumsum(self.counts) - self.counts
        self.buckets = np.concatenate(buckets).astype(np.int32)

    def draw(self, each: int, generator: np.random.Generator) -> IntArray:
        """`each` words of every language."""
        draws = [
            rows[np.minimum(np.searchsorted(cumulative, generator.random(each)), len(rows) - 1)]
            for rows, cumulative in zip(self.of_language, self.cumulative, strict=True)
        ]
        return np.concatenate(draws)

    def ngrams_of(self, words: IntArray) -> tuple[torch.Tensor, torch.Tensor]:
        """The buckets of words, and where each word's begin."""
        counts = self.counts[words]
        begins = np.cumsum(counts) - counts
        positions = np.repeat(self.offsets[words] - begins, counts) + np.arange(counts.sum())
        return torch.from_numpy(self.buckets[positions]).long(), torch.from_numpy(begins)


def _learn_ngrams(lists: Sequence[Shares], config: TableConfig, console: Console) -> npt.NDArray[np.float32]:
    """Weights (buckets, languages) of a logistic regression of a word's language on its n-grams.

    Its targets are the shares of all languages that list the word, each language being as frequent as another.
    """
    words = _Words(lists, config)
    generator = np.random.default_rng(config.seed)
    weights = torch.zeros(2**config.bits, len(lists), requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=config.learning_rate, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(1 - step / config.steps, 0.005))
    losses = 0.0
    for step in range(1, config.steps + 1):
        drawn = words.draw(max(config.batch // len(lists), 1), generator)
        buckets, begins = words.ngrams_of(drawn)
        logits = torch.nn.functional.embedding_bag(buckets, weights, begins, mode="sum")
        loss = torch.nn.functional.cross_entropy(logits, words.posterior[torch.from_numpy(drawn)])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        losses += loss.item()
        if step % 100 == 0:
            console.print(f"step {step:,} of {config.steps:,}: loss {losses / 100:.3f}", highlight=False)
            losses = 0.0
    learned = weights.detach().numpy()
    return np.asarray(learned - learned.mean(axis=1, keepdims=True))
