"""What a language model saves on a keyboard: recall of words, and keystrokes.

A typist writes each text as it stands. Before every key of a word the model lists words that begin with the letters
typed so far, and no marks of punctuation, which have keys of their own; where the word is among them, a key selects it
and types the space behind it, too. A mark right behind a selected word replaces that space, and the first
word of a text gets its capital by itself, as on keyboards. A key at the end of each text sends it.
Savings are (keys without a list - keys with it) / keys without: Trnka and McCoy, "Evaluating Word Prediction: Framing
Keystroke Savings", ACL 2008, https://aclanthology.org/P08-2066.
"""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.decoding.next_words import Query, Scores, WordSearch, score_queries
from models.decoding.slip_search import SlipSearch
from models.decoding.slips import Slips
from models.decoding.word_pieces import Vocabulary, is_letter
from models.runtime.interface import LanguageRuntime
from models.runtime.state import State
from models.text.tokenizers import Tokenizer, lower
from trainer.evaluation.bootstrap import interval

RECALL = (1, 3, 5)
SLOTS = (3, 5)
LISTED = max(*RECALL, *SLOTS)
MARKS = 5
"""So many more are searched for before the first letter of a word, because marks of punctuation may be among them."""
LETTERS = 5
"""Recall is measured after 0 to so many letters of a word."""
AT_ONCE = 64
"""Texts that are typed side by side, so that they share the model's steps."""
TIMED = 100
"""Keys that are timed alone."""


@dataclass(frozen=True)
class Word:
    """text[start:end] is a word. ranks are its positions in the lists before its first key, its second, …: None where
    it is not listed. They end where it is in the shortest list."""

    start: int
    end: int
    ranks: tuple[int | None, ...]

    def selected_after(self, slots: int) -> int | None:
        """The letters typed before the word is selected from a list of so many; None where it never is."""
        return next((typed for typed, rank in enumerate(self.ranks) if rank is not None and rank < slots), None)

    def letters(self, slots: int) -> int:
        """The letters that are typed, with a list of so many."""
        typed = self.selected_after(slots)
        return self.end - self.start if typed is None else typed


@dataclass(frozen=True)
class Hand:
    """How words are typed: typed(text, begin, end) are the letters typed for a word, perhaps with slips. With a layout,
    lists tolerate the slips of a keyboard, in a language."""

    typed: Callable[[str, int, int], str] = lambda text, begin, end: text[begin:end]
    layout: str = ""
    language: str = ""


Typing = Generator[list[Query], Scores, list[Word]]


def evaluate_keyboard(
    runtime: LanguageRuntime, vocabulary: Vocabulary, texts: Sequence[str], resamples: int = 0
) -> dict[str, Any]:
    """Recall, keystroke savings and letters typed of a word, with lists of 3 and 5 words, and milliseconds of a key.

    Each text is typed from the beginning; intervals are a bootstrap over texts.
    """
    lines = [" ".join(text.split()) for text in texts]
    typed = type_texts(runtime, vocabulary, lines)
    words = [word for of_text in typed for word in of_text]
    scores: dict[str, Any] = {
        "texts": len(lines),
        "words": len(words),
        "keys": sum(len(line) + 1 for line in lines),
        "recall": {str(top): _share(words, 0, top) for top in RECALL},
        "recall_of_3_after_letters": {str(typed): _share(words, typed, 3) for typed in range(LETTERS + 1)},
    }
    for slots in SLOTS:
        plain = np.array([len(line) + 1 for line in lines], dtype=np.float64)
        saved = plain - [keys_of(line, of_text, slots) for line, of_text in zip(lines, typed, strict=True)]
        letters = [word.letters(slots) for word in words]
        of_slots: dict[str, Any] = {
            "savings": float(saved.sum() / plain.sum()),
            "letters_per_word": float(np.mean(letters)) if letters else 0.0,
        }
        if resamples:
            of_slots["savings_95"] = interval(saved, plain, resamples)
        scores[f"slots_{slots}"] = of_slots
    scores["ms_per_key"] = _time_keys(runtime, vocabulary, lines)
    return scores


def keys_of(text: str, words: Sequence[Word], slots: int) -> int:
    """The keys that type a text with a list of so many words, the one that sends it included."""
    keys = len(text) + 1
    for word in words:
        typed = word.selected_after(slots)
        if typed is not None:
            space = text[word.end : word.end + 1] == " "
            keys -= word.end - word.start - typed - 1 + space
    return keys


def type_texts(
    runtime: LanguageRuntime, vocabulary: Vocabulary, texts: Sequence[str], hand: "Hand | None" = None
) -> list[list[Word]]:
    """The words of each text, with their ranks in the lists."""
    results: list[list[Word]] = [[] for _ in texts]
    start = runtime.start(1)
    waiting = list(enumerate(texts))[::-1]
    running: list[tuple[int, Typing, list[Query]]] = []
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            index, text = waiting.pop()
            typing = typing_of(vocabulary, text, start, hand or Hand())
            _advance(results, running, index, typing, None)
        if not running:
            continue
        scores = score_queries(runtime, vocabulary, [query for *_, queries in running for query in queries])
        batch, running, begin = running, [], 0
        for index, typing, queries in batch:
            _advance(results, running, index, typing, scores.rows(begin, begin + len(queries)))
            begin += len(queries)
    return results


def _advance(
    results: list[list[Word]],
    running: list[tuple[int, Typing, list[Query]]],
    index: int,
    typing: Typing,
    scores: Scores | None,
) -> None:
    """Keep a typist running until its next queries, or its result."""
    try:
        running.append((index, typing, typing.send(scores)))  # type: ignore[arg-type]
    except StopIteration as end:
        results[index] = end.value


def typing_of(vocabulary: Vocabulary, text: str, start: State, hand: "Hand") -> Typing:
    """Type a text: yields queries, is sent their scores, and returns the words. start is a state before any text."""
    tokenizer = vocabulary.tokenizer
    words: list[Word] = []
    read: list[int] = []
    for begin, end in word_spans(text):
        ids = context_ids(tokenizer, text[:begin])
        if not read or ids[: len(read)] != read:
            state, row, read = start, 0, []
        for token in ids[len(read) :]:
            scores = yield [Query(state, row, token)]
            probabilities, state, row = scores.probabilities[0], scores.state, scores.first
        read = ids
        word = text[begin:end]
        spellings = _spellings(lower(word, tokenizer.lowercase), first=not text[:begin].strip())
        ranks: list[int | None] = []
        letters = hand.typed(text, begin, end)
        for typed in range(len(letters) + (letters != word)):  # a word with a slip can still be selected at its end
            if typed and hand.layout:
                slips = Slips(lower(letters[:typed], tokenizer.lowercase), hand.layout, hand.language)
                search: WordSearch = SlipSearch(vocabulary, probabilities, state, row, LISTED, slips)
            else:
                count = LISTED if typed else LISTED + MARKS
                search = WordSearch(vocabulary, probabilities, state, row, count, letters[:typed])
            while queries := search.queries():
                search.update((yield queries))
            listed = [listed for listed, _ in search.result().words if is_letter(listed[0])][:LISTED]
            rank = next((listed.index(spelling) for spelling in spellings if spelling in listed), None)
            ranks.append(rank)
            if rank is not None and rank < min(SLOTS):
                break
        words.append(Word(begin, end, tuple(ranks)))
    return words


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words of a text stand: runs of letters and digits, with apostrophes and hyphens within."""
    spans: list[tuple[int, int]] = []
    begin = None
    for index, char in enumerate([*text, " "]):
        if is_letter(char) and begin is None:
            begin = index
        elif not is_letter(char) and begin is not None:
            spans.append((begin, index))
            begin = None
    return [(first, last) for first, last in spans if any(map(str.isalnum, text[first:last]))]


def context_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """The ids that a service reads before the word that follows a text: a space at its end belongs to that word."""
    whole = tokenizer.normalize(" " + text).removesuffix(" ")
    return [tokenizer.end_id, *(tokenizer.encode_continuation(whole) if whole else ())]


def _spellings(word: str, first: bool) -> list[str]:
    """What a list may have instead of a word: the first word of a text also without its capital."""
    return [word, *(lower(word[0], language) + word[1:] for language in ("en", "tr") if first)]


def _share(words: Sequence[Word], typed: int, top: int) -> float:
    """The share of words that are among so many listed once so many letters are typed, or were before."""
    within = sum((after := word.selected_after(top)) is not None and after <= typed for word in words)
    return within / len(words) if words else 0.0


def _time_keys(runtime: LanguageRuntime, vocabulary: Vocabulary, texts: Sequence[str]) -> float:
    """Milliseconds of processor time from a key to its list, one text at a time; those of reading each word are in it.

    Of processor time, because by the clock other programs would count too.
    """
    lists, begin = 0, time.process_time()
    for text in texts:
        lists += sum(len(word.ranks) for word in type_texts(runtime, vocabulary, [text])[0])
        if lists >= TIMED:
            break
    return 1000 * (time.process_time() - begin) / max(1, lists)
