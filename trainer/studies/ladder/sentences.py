"""Sentences of frequent words alone, so that nothing that small rungs predict is `<unk>`."""

import random
import re
from collections.abc import Iterable, Sequence

from models.text.sentences import split_sentences
from models.text.tokenizers import WordPunctTokenizer

_PLAIN = re.compile(r"[^\W\d_][\w\s'\u2019.,;:!?-]*[.!?]")
"""Words and common marks, from a letter to the end of a sentence; no quotation, of which a sentence has only a part."""
MIN_WORDS = 4


def known_sentences(
    texts: Iterable[str], held_out: Iterable[str], vocabulary_size: int, lowercase: str, max_words: int = 0
) -> tuple[list[str], list[str]]:
    """Sentences for training, and those of held_out that have no other words.

    The training sentences consist of the vocabulary_size most frequent words and marks of texts; they are in a
    random order, and end after max_words words and marks, if that is above 0.
    """
    sentences = _plain_sentences(texts)
    frequent = WordPunctTokenizer.train(sentences, vocabulary_size, lowercase)
    known = _known(sentences, frequent)
    random.Random(1).shuffle(known)
    if max_words:
        known = known[: _prefix_length([len(frequent.encode(sentence)) for sentence in known], max_words)]
    return known, _known(_plain_sentences(held_out), WordPunctTokenizer.train(known, vocabulary_size, lowercase))


def _plain_sentences(texts: Iterable[str]) -> list[str]:
    """The sentences of texts, each once."""
    sentences = (sentence.text for text in texts for sentence in split_sentences(text))
    return list(dict.fromkeys(sentence for sentence in sentences if _PLAIN.fullmatch(sentence)))


def _known(sentences: Sequence[str], tokenizer: WordPunctTokenizer) -> list[str]:
    encoded = ((sentence, tokenizer.encode(sentence)) for sentence in sentences)
    return [sentence for sentence, ids in encoded if len(ids) >= MIN_WORDS and not tokenizer.unknown(ids)]


def _prefix_length(lengths: Sequence[int], limit: int) -> int:
    """How many of the first texts have `limit` words together, or all."""
    total = 0
    for index, length in enumerate(lengths):
        if total >= limit:
            return index
        total += length
    return len(lengths)
