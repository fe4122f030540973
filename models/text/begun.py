"""The beginning that a translation is to have: which sentences it is of, and how the model writes it.

A beginning is cut into sentences as a text is, and its sentences are those of the text's, in order: all but the last
are whole translations, and the last one is what the translation of its sentence begins with. White space, list marks
and what else stays (models/text/front.py) must stand in the beginning as it stands in the text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.text.front import Sentence, ending, sentence_spans, unquoted
from models.text.symbols import SYMBOLS
from models.text.tokenizers.base import lower

Unit = tuple[str, Sentence | None, str]
"""A sentence, and the text before and after it that stays."""


@dataclass(frozen=True)
class Beginning:
    """What the translation of a sentence begins with; whole says whether that is all of it."""

    text: str
    whole: bool = False

    def written(self, sentence: Sentence, language: str) -> tuple[str, ...]:
        """The beginning as the model writes it before `Sentence.render`, in a language; empty if it may write anything.

        Of a beginning that is capitalized as its source is, the first letter may be small too: it is raised later.
        """
        opening, core, closing = unquoted(sentence.symbolic or sentence.source)
        text = self.text.removeprefix(opening)
        if self.whole and closing:
            text = text.removesuffix(closing)
        for item, symbol in sorted(zip(sentence.items, SYMBOLS, strict=False), key=lambda pair: -len(pair[0])):
            text = text.replace(item, symbol, 1)
        if sentence.capitals:
            text = lower(text, language)
            return (text, text[0].upper() + text[1:]) if text else ()
        if core[:1].isupper() and text[:1].isupper():
            return text, lower(text[0], language) + text[1:]
        return (text,) if text else ()

    def without_end(self, text: str, sentence: Sentence) -> str:
        """What is written, without the marks that `Sentence.render` puts at its end, if it has them."""
        _, core, _ = unquoted(sentence.symbolic or sentence.source)
        return text.removesuffix(ending(core))

    def put_before(self, rendered: str, hypothesis: str, sentence: Sentence, written: str) -> str:
        """The rendered translation if it begins so, else this beginning and what the hypothesis has after it.

        written is what the model was to write. `render` changes the ends of a sentence, its numbers and its names.
        """
        if rendered == self.text or (rendered.startswith(self.text) and not self.whole):
            return rendered
        rest = hypothesis[len(written) :] if hypothesis.lower().startswith(written.lower()) and not self.whole else ""
        for item, symbol in zip(sentence.items, SYMBOLS, strict=False):
            rest = rest.replace(symbol, item)
        return self.text + rest.rstrip()


def cut_beginning(text: str, units: Sequence[Unit]) -> list[Beginning | None]:
    """The beginning of each unit's translation, for one of them all. Raises ValueError where it can't be.

    What can't be cut as the units are is the beginning of the sentence that it is in.
    """
    beginnings: list[Beginning | None] = []
    rest = text
    for index, (before, sentence, after) in enumerate(units):
        rest = _without(rest, before)
        if not rest or sentence is None:
            beginnings.append(None)
            rest = _without(rest, after)
            continue
        if not sentence.text:
            raise ValueError("what stands first in the text can't be read as a whole")
        end = _end(rest, after, is_last=index == len(units) - 1)
        beginnings.append(Beginning(rest[:end], whole=end < len(rest)))
        rest = _without(rest[end:], after)
    if rest:
        raise ValueError("the text has no such sentence to translate")
    return beginnings


def begun(sentence: Sentence) -> Sentence:
    """A sentence that is translated as a whole whatever a hypothesis has lost, since its parts have no beginning."""
    return replace(sentence, parts=())


def _end(text: str, after: str, is_last: bool) -> int:
    """Where the first sentence of a text ends that `after` follows, or a part of it; the text's end where none does."""
    if is_last:
        return len(text) - len(after) if after and text.endswith(after) else len(text)
    for _, end in sentence_spans(text):
        follows = text[end:]
        # a space at the end of all does not end a sentence that has no mark
        ends = bool(follows.strip() or "\n" in follows or ending(text[:end]))
        if follows and ends and (follows.startswith(after) or after.startswith(follows)):
            return end
    return len(text)


def _without(text: str, start: str) -> str:
    """A text without the start that it has, as far as it reaches. Raises ValueError if it begins otherwise."""
    if text.startswith(start):
        return text[len(start) :]
    if start.startswith(text):
        return ""
    raise ValueError(f"the translation begins with {len(start)} characters that stay as they are in the text")
