"""A text cut into sentences: translators are trained on one at a time."""

import re
from dataclasses import dataclass

# After a sentence's end (with closing quotes or brackets) and white space, before what can begin one.
_BOUNDARY = re.compile(r"""(?<=[.!?…])["'”’»)\]]*\s+(?=["'“‘«(\[¿¡]*[^\W\d_a-zçğıöşü])|\s*\n\s*""")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sn|Av|Doç|vb|vs)|\b[A-ZÇĞİÖŞÜ])\.$")


@dataclass(frozen=True)
class Sentence:
    """text[start:end], less the white space around it."""

    text: str
    start: int
    end: int


def split_sentences(text: str) -> list[Sentence]:
    """Cut at line ends and after . ! ? … before a capital; what lies between sentences is white space."""
    sentences: list[Sentence] = []
    begin = 0
    for match in [*_BOUNDARY.finditer(text), None]:
        # closing quotes belong to the sentence that they close
        end = len(text) if match is None else match.end() - len(match.group().lstrip("\"'”’»)]"))
        if match is not None and "\n" not in match.group() and _ABBREVIATION.search(text[begin:end]):
            continue
        piece = text[begin:end]
        if piece.strip():
            start = begin + len(piece) - len(piece.lstrip())
            sentences.append(Sentence(piece.strip(), start, begin + len(piece.rstrip())))
        begin = len(text) if match is None else match.end()
    return sentences
