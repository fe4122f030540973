"""Sentence pairs as a translator is trained on them.

A translator learns to keep what a text must keep (models/text/symbols.py), to copy names and numbers that it has never
seen, and to read more than one sentence at a time, from pairs in which these are changed on both sides alike.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from models.config import Config, Range
from models.text.symbols import SYMBOLS
from trainer.data.corpus import usable
from trainer.data.files import Row
from trainer.data.names import Names, learn_names
from trainer.data.pair_changes import put_in, rename, renumber, without_final_mark
from trainer.data.pair_items import Pair, share_symbols
from trainer.data.skipped import Skipped
from trainer.data.sources import Source, all_rows

_FINAL = (".", "!", "?", '."', '!"', '?"')


@dataclass(frozen=True)
class PairConfig(Config):
    """How training pairs are changed before they are encoded."""

    symbols: bool = False
    """Replace what a translation must keep by symbols of the vocabulary, as the service does."""
    renamed: Annotated[float, Range(0.0, 1.0)] = 0.0
    """Share of the pairs with the same names on both sides that get invented names."""
    renumbered: Annotated[float, Range(0.0, 1.0)] = 0.0
    """Share of the pairs with the same whole numbers on both sides that get other numbers."""
    put_in: Annotated[float, Range(0.0, 1.0)] = 0.0
    """Share of the pairs into which more symbols are put: in place of names and numbers, before, after and around."""
    joined: Annotated[float, Range(0.0, 1.0)] = 0.0
    """Share of the rows made of two or three pairs that follow each other in a source."""
    unmarked: Annotated[float, Range(0.0, 1.0)] = 0.0
    """Share of the pairs that lose the full stop at the end of both sides."""

    @property
    def changes_nothing(self) -> bool:
        return self == PairConfig()


class PairRows:
    """The rows of a translator: the same for the same sources, configuration and seed."""

    def __init__(self, config: PairConfig, languages: Sequence[str], seed: int) -> None:
        self.config, self.languages, self.seed = config, languages, seed
        self._names: Names | None = None

    @property
    def symbols(self) -> tuple[str, ...]:
        """Those that the vocabulary must have."""
        return SYMBOLS if self.config.symbols else ()

    def train(self, sources: Sequence[Source], skipped: Skipped | None = None) -> Iterator[Row]:
        """The training rows of all sources, one source after the other; those left out are counted in skipped."""
        if self.config.changes_nothing:
            yield from usable(all_rows(sources, skipped), 2)
            return
        if self._names is None:
            needed = self.config.renamed or self.config.put_in
            self._names = learn_names(usable(all_rows(sources), 2) if needed else (), self.seed)
        for number, source in enumerate(sources):
            pairs = self._changed(usable(source.rows(skipped), 2), f"{self.seed}:{number}", self._names)
            yield from self._kept(self._joined(pairs, number), number)

    def valid(self, rows: Iterable[Row]) -> list[Row]:
        """Validation rows: with symbols in their order, and otherwise as they are."""
        if not self.config.symbols:
            return list(rows)
        return [share_symbols((row[0], row[1]), self.languages) or row for row in rows]

    def _changed(self, rows: Iterable[Row], key: str, names: Names) -> Iterator[Pair]:
        config = self.config
        for index, (left, right) in enumerate(rows):
            pair: Pair = (left.strip(), right.strip())
            generator = random.Random(f"pair {key}:{index}")
            renamed, renumbered, filled, unmarked = (generator.random() for _ in range(4))
            if config.symbols and filled < config.put_in:
                pair = put_in(pair, self.languages, names, generator) or pair
            if renamed < config.renamed:
                pair = rename(pair, self.languages, names, generator) or pair
            if renumbered < config.renumbered:
                pair = renumber(pair, self.languages, generator) or pair
            if unmarked < config.unmarked:
                pair = without_final_mark(pair) or pair
            yield pair

    def _joined(self, pairs: Iterable[Pair], number: int) -> Iterator[Pair]:
        """Pairs, some of them joined with the next one or two that are whole sentences."""
        generator = random.Random(f"joined {self.seed}:{number}")
        waiting: list[Pair] = []
        count = 0
        for pair in pairs:
            if not all(text.endswith(_FINAL) for text in pair):
                yield pair
                continue
            if not waiting:
                if generator.random() >= self.config.joined:
                    yield pair
                    continue
                count = generator.choice((2, 2, 3))
            waiting.append(pair)
            if len(waiting) == count:
                yield _join(waiting)
                waiting = []
        if waiting:
            yield _join(waiting)

    def _kept(self, pairs: Iterable[Pair], number: int) -> Iterator[Row]:
        """Pairs with symbols, without those in which a side has what the other has not."""
        for index, pair in enumerate(pairs):
            row = pair
            if self.config.symbols:
                generator = random.Random(f"symbols {self.seed}:{number}:{index}")
                shared = share_symbols(pair, self.languages, generator)
                if shared is None:
                    continue
                row = shared
            yield row


def _join(pairs: Sequence[Pair]) -> Pair:
    return " ".join(left for left, _ in pairs), " ".join(right for _, right in pairs)
