"""What is the next word? Pieces of words are summed up to whole words."""

import heapq
from collections import defaultdict
from dataclasses import dataclass, field

import torch
from torch import Tensor

from models.language_model import LanguageModel
from models.recurrent import LSTMState
from models.tokenizer import Tokenizer, lower

ROUND_SIZE = 48
"""Unfinished words that are extended together."""
MAX_ROUNDS = 12
MAX_WORD_BYTES = 120
NEGLIGIBLE = 1e-12


@dataclass(order=True)
class _Prefix:
    """The beginning of a word, with the probability that the next word begins so, in these pieces."""

    priority: float
    word: bytes = field(compare=False)
    probability: float = field(compare=False)
    token: int = field(compare=False)
    row: int = field(compare=False)
    state: LSTMState = field(compare=False)


@dataclass(frozen=True)
class NextWords:
    """words with their probabilities, the likeliest first; total is the probability of the prefix."""

    words: list[tuple[str, float]]
    total: float


class WordPredictor:
    """Sums a language model's probabilities of pieces into those of words.

    A word is the piece that begins it and all pieces that go on with it, up to a piece that begins
    another word, is punctuation, or ends the text; a mark of punctuation is a word too. A word that
    can be spelled in several ways gets the sum over those that are found. The search takes the
    likeliest beginnings first and stops when no unfinished one could still reach the list, or after
    MAX_ROUNDS: what is listed can be slightly too low.
    """

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer) -> None:
        self.model, self.tokenizer = model, tokenizer
        surfaces = [tokenizer.surface(index) for index in range(tokenizer.size)]
        self.surfaces = surfaces
        continues = [_continues(surface) for surface in surfaces]
        self.goes_on = [index for index, value in enumerate(continues) if value]
        self.begins = [index for index, value in enumerate(continues) if not value and index != tokenizer.end_id]

    def predict(self, logits: Tensor, state: LSTMState, top: int, prefix: str = "") -> "NextWords":
        """Find the `top` likeliest next words after a text.

        logits (V,) and state (of one row) are those after the text. With a prefix, the word begins
        with it, and probabilities are given that it does.
        """
        wanted = lower(prefix, self.tokenizer.lowercase).encode("utf-8")
        words, open_prefixes, covered = self._first(logits, state, wanted)
        for _ in range(MAX_ROUNDS):
            batch = self._take(open_prefixes, words, top)
            if not batch:
                break
            covered += self._extend(batch, words, open_prefixes, wanted)
        total = covered if wanted else 1.0
        whole = ((text, probability) for word, probability in words.items() if probability and (text := _decode(word)))
        ranked = heapq.nlargest(top, whole, key=lambda item: (item[1], item[0]))
        return NextWords([(text, probability / total) for text, probability in ranked], total)

    def probability(self, logits: Tensor, state: LSTMState, word: str) -> float:
        """Of one word after the text, in its usual spelling by pieces; 0 for a word that can't be spelled."""
        wanted = lower(word, self.tokenizer.lowercase)
        ids = self.tokenizer.encode(word)
        if not _is_letter(wanted[0]):  # punctuation stands with or without a space before it
            marks = [index for index in self.begins if self.surfaces[index].removeprefix(b" ") == wanted.encode()]
            return float(torch.softmax(logits.double(), dim=-1)[marks].sum())
        if self.tokenizer.decode(ids) != wanted:
            return 0.0
        result = 1.0
        for index in ids:
            result *= float(torch.softmax(logits.double(), dim=-1)[index])
            scores, state = self.model(torch.tensor([[index]], device=logits.device), state)  # (1, 1, V)
            logits = scores[0, -1]
        after = torch.softmax(logits.double(), dim=-1)
        return result * (1.0 - float(after[self.goes_on].sum()))

    def _first(
        self, logits: Tensor, state: LSTMState, wanted: bytes
    ) -> tuple[dict[bytes, float], list[_Prefix], float]:
        """Punctuation, which is whole at once; beginnings of words; and how much agrees with what is wanted."""
        probabilities = torch.softmax(logits.double(), dim=-1).tolist()
        words: dict[bytes, float] = defaultdict(float)
        open_prefixes: list[_Prefix] = []
        covered = 0.0
        for index in self.begins:
            surface, probability = self.surfaces[index], probabilities[index]
            word = surface.removeprefix(b" ")
            if not _agrees(word, wanted):
                continue
            if not _is_word(surface) and word:
                covered += probability if word.startswith(wanted) else 0.0
                words[word] += probability if word.startswith(wanted) else 0.0
                continue
            covered += probability if len(word) >= len(wanted) else 0.0
            open_prefixes.append(_Prefix(-probability, word, probability, index, 0, state))
        heapq.heapify(open_prefixes)
        return words, open_prefixes, covered

    def _take(self, open_prefixes: list[_Prefix], words: dict[bytes, float], top: int) -> list[_Prefix]:
        """The likeliest beginnings, or none where they can't change the list any more."""
        listed = heapq.nlargest(top, words.values())
        threshold = listed[-1] if len(listed) == top else 0.0
        batch: list[_Prefix] = []
        while open_prefixes and len(batch) < ROUND_SIZE and -open_prefixes[0].priority > max(threshold, NEGLIGIBLE):
            batch.append(heapq.heappop(open_prefixes))
        return batch

    def _extend(
        self, batch: list[_Prefix], words: dict[bytes, float], open_prefixes: list[_Prefix], wanted: bytes
    ) -> float:
        """Read one piece of each; close the words that end there, open those that go on."""
        device = self.model.bias.device
        hidden = [item.state.hidden[:, item.row : item.row + 1] for item in batch]
        cell = [item.state.cell[:, item.row : item.row + 1] for item in batch]
        ids = torch.tensor([[item.token] for item in batch], device=device)  # (R, 1)
        logits, state = self.model(ids, LSTMState(torch.cat(hidden, dim=1), torch.cat(cell, dim=1)))
        probabilities = torch.softmax(logits[:, -1].double(), dim=-1)  # (R, V)
        going_on = probabilities[:, self.goes_on]  # (R, G)
        ends = 1.0 - going_on.sum(dim=1)
        values, columns = (part.tolist() for part in going_on.topk(min(ROUND_SIZE, len(self.goes_on)), dim=1))
        covered = 0.0
        for row, item in enumerate(batch):
            if item.word and item.word.startswith(wanted):
                words[item.word] += item.probability * max(float(ends[row]), 0.0)
            if len(item.word) > MAX_WORD_BYTES:
                continue
            shorter = len(item.word) < len(wanted)
            # while the prefix is not yet spelled, any piece may be the one that goes on with it
            choices = enumerate(going_on[row].tolist()) if shorter else zip(columns[row], values[row], strict=True)
            for column, value in choices:
                token = self.goes_on[column]
                word = item.word + self.surfaces[token]
                if not _agrees(word, wanted):
                    continue
                probability = item.probability * value
                covered += probability if shorter and len(word) >= len(wanted) else 0.0
                heapq.heappush(open_prefixes, _Prefix(-probability, word, probability, token, row, state))
        return covered


def split_partial(text: str) -> tuple[str, str]:
    """A text less the letters that it ends in, and those letters."""
    end = len(text)
    while end and _is_letter(text[end - 1]):
        end -= 1
    return text[:end], text[end:]


def is_single_word(text: str) -> bool:
    """Whether a text is one word, or only punctuation."""
    letters = [_is_letter(char) for char in text]
    return bool(text) and (all(letters) or not any(letters)) and not any(char.isspace() for char in text)


def _is_letter(char: str) -> bool:
    return char.isalnum() or char in "'’-"


def _is_word(surface: bytes) -> bool:
    """Whether a piece is (part of) a word rather than punctuation, white space or nothing."""
    text = surface.removeprefix(b" ").decode("utf-8", errors="replace")
    return bool(text) and (_is_letter(text[0]) or text[0] == "\ufffd")


def _decode(word: bytes) -> str:
    """The word as text; nothing for bytes that break off inside a character."""
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _continues(surface: bytes) -> bool:
    """Whether a piece goes on with the word before it."""
    return bool(surface) and not surface.startswith(b" ") and _is_word(surface)


def _agrees(word: bytes, wanted: bytes) -> bool:
    return word.startswith(wanted) or wanted.startswith(word)
