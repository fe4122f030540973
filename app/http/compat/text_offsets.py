"""What the tokens of a completion are called, and where they begin in its text: the prompt as sent and what follows it.

Offsets are in characters. A token is called what stands in the text from its offset on; one that is no whole
characters, by its bytes.
"""

import codecs
from collections.abc import Iterator, Sequence

from models.text.normalization import last_space
from models.text.tokenizers import Token, Tokenizer
from models.text.tokenizers.names import is_whole, piece_name


class TextOffsets:
    """The names and offsets of tokens that follow one another, by the bytes that each appends to the text.

    A token that begins inside of a character has the offset of that character.
    """

    def __init__(self, tokenizer: Tokenizer, start: int, space: int | None, standing: str = "") -> None:
        """start is the length of the text so far.

        Where that has the space that the first token begins with already, or needs none because nothing precedes it,
        space is the offset of it, and standing what stands there: no-break spaces are read as spaces.
        """
        self._tokenizer, self._position, self._space, self._standing = tokenizer, start, space, standing
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @classmethod
    def after(cls, tokenizer: Tokenizer, prompt: str, is_text: bool) -> "TextOffsets":
        """Those of generated tokens. A text's last space is not read: the first token brings it again."""
        space = last_space(" " + prompt) if is_text else None  # the tokenizer puts a space before a text
        if space is None:
            return cls(tokenizer, len(prompt), None)
        return (
            cls(tokenizer, len(prompt), space - 1, prompt[space - 1])
            if space
            else cls(tokenizer, len(prompt), len(prompt))
        )

    @classmethod
    def of_ids(cls, tokenizer: Tokenizer, ids: Sequence[int]) -> list[tuple[str, int]]:
        """Those of the tokens of a prompt of ids in its text, which `Tokenizer.decode` gives."""
        silent = next((index for index, token in enumerate(ids) if tokenizer.surface(token)), len(ids))
        offsets = cls(tokenizer, 0, 0)
        return [("", 0)] * silent + [offsets.next(token) for token in ids[silent:]]

    def next(self, token_id: int) -> tuple[str, int]:
        """The name and the offset of the next token."""
        surface, name = self._tokenizer.surface(token_id), piece_name(self._tokenizer, token_id)
        if surface and not 0x80 <= surface[0] < 0xC0:  # a character that is not complete by now never will be
            self._position += len(self._decoder.decode(b"", final=True))
        begin = self._position
        if self._space is not None and surface.startswith(b" "):
            surface, begin = surface[1:], self._space
            if is_whole(self._tokenizer, token_id):
                name = self._standing + name[1:]
        self._space = None
        self._position += len(self._decoder.decode(surface))
        return name, begin


def spans_as_sent(text: str, tokens: Sequence[Token]) -> Iterator[tuple[str, int]]:
    """What stands in a text where each of its tokens is read, with its offset.

    White space between tokens belongs to the one after it, as in generated tokens.
    """
    end = 0
    for token in tokens:
        begin = end if text[end : token.start].isspace() else token.start
        yield text[begin : token.end], begin
        end = token.end
