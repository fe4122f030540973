"""A tokenizer's pieces as parts of words, and what a word is."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from models.sampling import top
from models.text.tokenizers import Tokenizer


class Vocabulary:
    """A tokenizer's pieces as parts of words."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.surfaces = [tokenizer.surface(index) for index in range(tokenizer.size)]
        continues = [_continues(surface) for surface in self.surfaces]
        self.goes_on = _Pieces((surface, index) for index, surface in enumerate(self.surfaces) if continues[index])
        begins = [index for index, value in enumerate(continues) if not value and index != tokenizer.end_id]
        words = {index: self.surfaces[index].removeprefix(b" ") for index in begins}
        # punctuation is whole as it is; and where no piece goes on with a word, so is every word
        whole = {index for index in begins if words[index] and not (any(continues) and _is_word(self.surfaces[index]))}
        self.marks = _Pieces((words[index], index) for index in whole)
        self.begins = _Pieces((words[index], index) for index in begins if index not in whole)
        self.goes_on_mask = torch.tensor(continues)  # (V,) bool


class _Pieces:
    """Pieces by their spelling."""

    def __init__(self, pieces: Iterable[tuple[bytes, int]]) -> None:
        self._sorted = sorted(pieces)
        self._words = [word for word, _ in self._sorted]
        self.ids = torch.tensor([index for _, index in self._sorted], dtype=torch.int64)

    def __getitem__(self, place: int) -> tuple[bytes, int]:
        """The spelling and id of the piece at a place."""
        return self._sorted[place]

    def agreeing(self, wanted: bytes) -> Iterator[int]:
        """The places of those that begin with what is wanted, and of those that it begins with."""
        for length in range(len(wanted)):
            yield from self._at(wanted[:length])
        place = bisect_left(self._words, wanted)
        while place < len(self._words) and self._words[place].startswith(wanted):
            yield place
            place += 1

    def likeliest(self, probabilities: Tensor, wanted: bytes, count: int) -> list[tuple[float, int]]:
        """The agreeing pieces' probabilities, of (V,), and places, the likeliest first: all, or `count` of any."""
        if wanted:
            values = probabilities.tolist()
            return sorted(((values[self._sorted[place][1]], place) for place in self.agreeing(wanted)), reverse=True)
        if not self._sorted:
            return []
        best, places = top(probabilities[self.ids].unsqueeze(0), min(count, len(self._sorted)))
        return list(zip(best[0].tolist(), places[0].tolist(), strict=True))

    def _at(self, word: bytes) -> Iterator[int]:
        place = bisect_left(self._words, word)
        while place < len(self._words) and self._words[place] == word:
            yield place
            place += 1


def split_partial(text: str) -> tuple[str, str]:
    """A text less the letters that it ends in, and those letters."""
    end = len(text)
    while end and is_letter(text[end - 1]):
        end -= 1
    return text[:end], text[end:]


def is_single_word(text: str) -> bool:
    """Whether a text is one word, or only punctuation."""
    letters = [is_letter(char) for char in text]
    return bool(text) and (all(letters) or not any(letters)) and not any(char.isspace() for char in text)


def is_letter(char: str) -> bool:
    return char.isalnum() or char in "'’-"


def _is_word(surface: bytes) -> bool:
    """Whether a piece is (part of) a word rather than punctuation, white space or nothing."""
    text = surface.removeprefix(b" ").decode("utf-8", errors="replace")
    return bool(text) and (is_letter(text[0]) or text[0] == "\ufffd")


def _continues(surface: bytes) -> bool:
    """Whether a piece goes on with the word before it."""
    return bool(surface) and not surface.startswith(b" ") and _is_word(surface)
