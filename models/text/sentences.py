"""Sentence splitting: translators are trained on one sentence at a time."""

import re
from dataclasses import dataclass

# After a sentence's end (with closing quotes or brackets) and white space, before what can begin one.
_BOUNDARY = re.compile(r"""(?<=[.!?…])["'”’»)\]]*\s+(?=["'“‘«(\[¿¡]*[^\W\d_a-zçğıöşü])|\n\s*""")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sn|Av|Doç|vb|vs)|\b[A-ZÇĞİÖŞÜ])\.$")


MAX_CHARACTERS = 300


@dataclass(frozen=True)
class Sentence:
    """text[start:end], without the white space around it."""

    text: str
    start: int
    end: int


def split_sentences(text: str) -> list[Sentence]:
    """Split at line ends and after . ! ? … before a capital; between sentences there is only white space.

    A sentence of more than MAX_CHARACTERS characters is cut between words too, or anywhere if it has none.
    """
    sentences: list[Sentence] = []
    begin = 0
    for match in [*_BOUNDARY.finditer(text), None]:
        # closing quotes belong to the sentence before them
        end = len(text) if match is None else match.end() - len(match.group().lstrip("\"'”’»)]"))
        if match is not None and "\n" not in match.group() and _ABBREVIATION.search(text[max(begin, end - 12) : end]):
            continue
        while end - begin > MAX_CHARACTERS:
            cut = text.rfind(" ", begin + 1, begin + MAX_CHARACTERS) + 1 or begin + MAX_CHARACTERS
            _append(sentences, text, begin, cut)
            begin = cut
        _append(sentences, text, begin, end)
        begin = len(text) if match is None else match.end()
    return sentences


def match_capitalization(text: str, source: str, language: str) -> str:
    """Capitalize a translation if its source is capitalized.

    A model often fails to: a vocabulary has few words with a capital too, least of all Turkish ones in Ç, İ or Ş, and
    a word spelled in several pieces is less likely than the same word in lower case, which is one.
    """
    if not source[:1].isupper() or not text[:1].islower():
        return text
    first = "İ" if language == "tr" and text[0] == "i" else text[0].upper()
    return first + text[1:]


def _append(sentences: list[Sentence], text: str, begin: int, end: int) -> None:
    piece = text[begin:end]
    if piece.strip():
        start = begin + len(piece) - len(piece.lstrip())
        sentences.append(Sentence(piece.strip(), start, begin + len(piece.rstrip())))
