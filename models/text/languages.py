"""How likely a text is in each language: by its words where a list has them, by the character n-grams of the others.

A word's evidence for a language is the logarithm of its share of that language's text, as in a naive Bayes classifier
of words; the n-grams of a word that is in no list stand for it through a logistic regression. All of it is in one file
of some megabytes, in which words and n-grams are numbers (CRC-32). `carousel-train languages` makes it.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.errors import DataError
from models.text.normalization import normalize
from models.text.reserved import HARD

IntArray = npt.NDArray[np.int64]
SHIPPED = Path(__file__).with_name("languages.npz")
LONGEST = 4
"""Characters of an n-gram."""
LONGEST_WORD = 40
"""Characters of a word whose n-grams are used."""
RARE = 3e-7
"""A word's share of the text of a language whose list lacks it."""
STEP = 0.05
"""What a whole number in the file stands for, in nats."""
MAX_CHARACTERS = 1_000
"""The characters of a text that are used."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_NO_LANGUAGE = re.compile(r"[`<&@#{%/\\_\[:~]|\(\)|www\.|(?<!\w)-")
"""What everything in HARD has that may look like words: a text without it need not be searched for that."""
_BEYOND_LATIN = re.compile("[^\x00-\u024f\u2000-\u20cf]")
_SCRIPTS = re.compile(
    "[A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"  # Latin
    "\u0370-\u03ff\u1f00-\u1fff\u0400-\u052f\u0590-\u05ff\ufb1d-\ufb4f"  # Greek, Cyrillic, Hebrew
    "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]"  # Arabic
)
"""Letters of the scripts in which the languages of the table are written."""


def fold(text: str) -> str:
    """Lower case, the same for a text and for its capitals in any language: ı and İ become i, ß becomes ss."""
    if text.isascii():
        return text.lower()
    return text.replace("İ", "i").casefold().replace("ı", "i").replace("’", "'").replace("ʼ", "'")


def words_of(text: str) -> list[str]:
    """The folded words of a text; what is no language (addresses, placeholders, code, numbers) has none."""
    text = normalize(text[:MAX_CHARACTERS])
    if _NO_LANGUAGE.search(text):
        text = HARD.sub(" ", text)
    return _WORD.findall(fold(text))


def is_word(string: str) -> bool:
    """Whether a folded string is one word of those that `words_of` gives."""
    return bool(_WORD.fullmatch(string))


def key(string: str) -> int:
    return zlib.crc32(string.encode("utf-8", "replace"))


def ngrams(word: str) -> list[int]:
    """The keys of all n-grams of a word with its ends marked, of one character up to LONGEST."""
    marked = f"<{word}>"
    return [
        key(marked[start : start + length])
        for length in range(1, LONGEST + 1)
        for start in range(len(marked) - length + 1)
    ]


@dataclass(frozen=True, eq=False)
class LanguageTable:
    """The evidence for each of `languages`.

    keys (words) are the sorted keys of the words in lists; posting_languages and posting_values, from starts[i] to
    starts[i + 1], say which lists word i is in, and by how many steps it is likelier there than RARE. weights
    (buckets, languages) are those of the n-grams, in steps; buckets is a power of two.
    """

    languages: tuple[str, ...]
    keys: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.uint32]
    posting_languages: npt.NDArray[np.uint8]
    posting_values: npt.NDArray[np.uint8]
    weights: npt.NDArray[np.int8]

    def evidence(self, words: Sequence[str]) -> npt.NDArray[np.float64]:
        """Log-likelihoods of folded words (languages): 0 is that of words which a language has RARE times."""
        total = np.zeros(len(self.languages), dtype=np.int64)
        for word in words:
            total += _steps(self, word)
        return np.asarray(total * STEP, dtype=np.float64)

    def listed(self, word: str) -> IntArray | None:
        """The steps of a word for each language; None where no list has it."""
        number = np.uint32(key(word))
        index = int(self.keys.searchsorted(number))
        if index == len(self.keys) or self.keys[index] != number:
            return None
        steps = np.zeros(len(self.languages), dtype=np.int64)
        postings = slice(int(self.starts[index]), int(self.starts[index + 1]))
        steps[self.posting_languages[postings]] = self.posting_values[postings]
        return steps

    def guessed(self, word: str) -> IntArray:
        """The steps of a word for each language, by its n-grams."""
        buckets = np.array(ngrams(word[:LONGEST_WORD]), dtype=np.int64) & (len(self.weights) - 1)
        return np.asarray(self.weights[buckets].sum(axis=0, dtype=np.int64))

    def save(self, path: Path) -> None:
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        np.savez_compressed(path, languages=np.array(self.languages), **arrays)

    @staticmethod
    def load(path: Path = SHIPPED) -> "LanguageTable":
        """Raises DataError for a file that is missing or no such table."""
        try:
            with np.load(path, allow_pickle=False) as file:
                languages = tuple(str(name) for name in file["languages"])
                return LanguageTable(languages, *(file[name] for name in _ARRAYS))
        except (OSError, KeyError, ValueError) as error:
            raise DataError(f"{path}: no table of languages: {error}") from None


@lru_cache(maxsize=16_384)
def _steps(table: LanguageTable, word: str) -> IntArray:
    """The steps of a word for each language; of one with apostrophes that no list has, those of its parts."""
    steps = table.listed(word)
    if steps is None and "'" in word:
        parts = [part for name in word.split("'") if (part := table.listed(name)) is not None]
        if len(parts) > word.count("'"):
            return np.asarray(np.sum(parts, axis=0))
    return table.guessed(word) if steps is None else steps


_ARRAYS = ("keys", "starts", "posting_languages", "posting_values", "weights")


def reads(text: str) -> bool:
    """Whether most letters of a text are of the scripts that the table's languages are written in."""
    if text.isascii() or not _BEYOND_LATIN.search(text):
        return True
    letters = sum(map(str.isalpha, text))
    return 2 * len(_SCRIPTS.findall(text)) >= letters


@cache
def shipped_table() -> LanguageTable:
    return LanguageTable.load()
