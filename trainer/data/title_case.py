"""Titles in the case of running text, so that their words can be copied from it.

A title writes "Learning", where its text has "learning", which for a tokenizer is another word. Each word of a title
gets the case that it mostly has within the sentences of its text or, where the text lacks it, of all texts
(truecasing: Lita et al. 2003, doi:10.3115/1075096.1075116).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from trainer.data.files import Row

_WORD = re.compile(r"\w+")
_SENTENCE_START = re.compile(r"(?:^|[.!?:]\s+)[\"'(“]*$")


def counted_forms(texts: Iterable[str]) -> dict[str, str]:
    """Of each lower-cased word its most frequent form within sentences, where the case is not due to their start."""
    counts: dict[str, Counter[str]] = {}
    for text in texts:
        for word in _WORD.finditer(text):
            if not _SENTENCE_START.search(text, max(0, word.start() - 8), word.start()):
                counts.setdefault(word[0].lower(), Counter())[word[0]] += 1
    return {word: forms.most_common(1)[0][0] for word, forms in counts.items()}


def in_sentence_case(title: str, text: str, forms: dict[str, str]) -> str:
    """A title with the forms that its words have in its text, or else in `forms`; unknown words stay as they are."""
    own = counted_forms([text])

    def form(word: re.Match[str]) -> str:
        key = word[0].lower()
        return own.get(key) or forms.get(key, word[0])

    return _WORD.sub(form, title)


class SentenceCase:
    """Rows of text and title, with the titles in the case of running text."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """Count the forms of words in the texts of the training rows."""
        self._forms = counted_forms(text for text, _ in rows)

    def rows(self, rows: Iterable[Row]) -> Iterator[Row]:
        for text, title in rows:
            yield text, in_sentence_case(title, text, self._forms)
