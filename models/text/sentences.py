"""A text cut into sentences: translators are trained on one at a time."""

import re
from dataclasses import dataclass

# After a sentence's end (with closing quotes or brackets) and white space, before what can begin one.
_BOUNDARY = re.compile(r"""(?<=[.!?…])["'”’»)\]]*\s+(?=["'“‘«(\[¿¡]*[^\W\d_a-zçğıöşü])|\n\s*""")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sn|Av|Doç|vb|vs)|\b[A-ZÇĞİÖŞÜ])\.$")


LONGEST = 300


@dataclass(frozen=True)
class Sentence:
    """text[start:end], less the white space around it."""

    text: str
    start: int
    end: int


def split_sentences(text: str) -> list[Sentence]:
    """Cut at line ends and after . ! ? … before a capital; what lies between sentences is white space.

    A sentence of more than LONGEST characters is cut between words too, or anywhere if it has none.
    """
    sentences: list[Sentence] = []
    begin = 0
    for match in [*_BOUNDARY.finditer(text), None]:
        # closing quotes belong to the sentence that they close
        end = len(text) if match is None else match.end() - len(match.group().lstrip("\"'”’»)]"))
        if match is not None and "\n" not in match.group() and _ABBREVIATION.search(text[max(begin, end - 12) : end]):
            continue
        while end - begin > LONGEST:
            cut = text.rfind(" ", begin + 1, begin + LONGEST) + 1 or begin + LONGEST
            _append(sentences, text, begin, cut)
            begin = cut
        _append(sentences, text, begin, end)
        begin = len(text) if match is None else match.end()
    return sentences


def begin_as(text: str, source: str, language: str) -> str:
    """Let a translation begin with a capital where its source does.

    Few words of a vocabulary are there with their capital too, least of all Turkish ones in Ç, İ or Ş: spelled in
    pieces they are less likely than the same word without it.
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
