"""Passages of frequent words alone, so that nothing that small rungs predict is `<unk>`."""

import random
import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from models.text.sentences import split_sentences
from models.text.tokenizers import WordPunctTokenizer

_PLAIN = re.compile(r"[^\W\d_][\w\s'\u2019.,;:!?-]*[.!?]")
"""Words and common marks, from a letter to the end of a sentence; no quotation, of which a sentence has only a part."""
MIN_WORDS = 4


def known_passages(
    texts: Iterable[str], held_out: Iterable[str], vocabulary_size: int, lowercase: str, max_words: int = 0
) -> tuple[list[str], list[str]]:
    """Passages for training, and those of held_out that have no other words.

    A passage is a run of sentences of a text. The training passages consist of the vocabulary_size most frequent words
    and marks of texts; they are in a random order, and end after max_words words and marks, if that is above 0.
    """
    runs = _plain_runs(texts)
    frequent = WordPunctTokenizer.train([sentence for run in runs for sentence in run], vocabulary_size, lowercase)
    known = _known(runs, frequent)
    random.Random(1).shuffle(known)
    if max_words:
        known = known[: _prefix_length([len(frequent.encode(passage)) for passage in known], max_words)]
    return known, _known(_plain_runs(held_out), WordPunctTokenizer.train(known, vocabulary_size, lowercase))


def _plain_runs(texts: Iterable[str]) -> list[list[str]]:
    """The sentences of texts, each once, in lists of those that follow each other."""
    runs: list[list[str]] = []
    seen: set[str] = set()
    for text in texts:
        runs.append([])
        for sentence in split_sentences(text):
            if not _PLAIN.fullmatch(sentence.text) or sentence.text in seen:
                runs.append([])
                continue
            seen.add(sentence.text)
            runs[-1].append(sentence.text)
    return [run for run in runs if run]


def _known(runs: Iterable[Sequence[str]], tokenizer: WordPunctTokenizer) -> list[str]:
    """Passages of known words alone."""
    passages: list[str] = []
    for run in runs:
        for known, sentences in groupby(run, lambda sentence: not tokenizer.unknown(tokenizer.encode(sentence))):
            passage = " ".join(sentences)
            if known and len(tokenizer.encode(passage)) >= MIN_WORDS:
                passages.append(passage)
    return passages


def _prefix_length(lengths: Sequence[int], limit: int) -> int:
    """How many of the first texts have `limit` words together, or all."""
    total = 0
    for index, length in enumerate(lengths):
        if total >= limit:
            return index
        total += length
    return len(lengths)
