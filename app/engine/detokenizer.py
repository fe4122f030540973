"""From tokens to text while it is generated: incomplete characters, and stop strings."""

import codecs
from collections.abc import Sequence


class Detokenizer:
    """The text of one generation, up to a stop string.

    A character can take several tokens, one a byte: its bytes are held back until it is complete. So is text with
    which a stop string could begin. What is held back at the end of a request can be passed on to the next one.
    """

    def __init__(self, stop: Sequence[str] = (), held_text: str = "", held_bytes: bytes = b"") -> None:
        self._stop = stop
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._decoder.setstate((held_bytes, 0))
        self._text = held_text
        self._emitted = 0  # characters
        self._after_stop = ""
        self._final = False
        self.stopped = False
        """Whether a stop string was generated."""

    def push(self, token: bytes, final: bool) -> None:
        """Append a token; final says that none will follow, so that nothing is held back."""
        self._text += self._decoder.decode(token, final=final)
        self._final = final
        if self._stop:
            self._find_stop()

    def emit(self) -> str:
        """The text since the last call, without what is held back."""
        end = self._end
        text, self._emitted = self._text[self._emitted : end], max(end, self._emitted)
        return text

    @property
    def text(self) -> str:
        """The whole text, without what is held back."""
        return self._text[: self._end]

    @property
    def held_text(self) -> str:
        """Complete characters that are held back, or that follow the stop string."""
        return self._after_stop if self.stopped else self._text[self._end :]

    @property
    def held_bytes(self) -> bytes:
        """The beginning of an incomplete character."""
        return self._decoder.getstate()[0]

    @property
    def _end(self) -> int:
        return len(self._text) - (0 if self._final or not self._stop else self._possible_stop())

    def _find_stop(self) -> None:
        """Cut the text at the earliest stop string, and the longest of those that begin there."""
        matches = [(index, -len(stop)) for stop in self._stop if (index := self._text.find(stop, self._emitted)) >= 0]
        if matches:
            index, negative_length = min(matches)
            self._text, self._after_stop = self._text[:index], self._text[index - negative_length :]
            self.stopped = self._final = True

    def _possible_stop(self) -> int:
        """How many characters at the end could begin a stop string."""
        pending = len(self._text) - self._emitted
        return max(
            (
                length
                for stop in self._stop
                for length in range(min(len(stop) - 1, pending), 0, -1)
                if self._text.endswith(stop[:length])
            ),
            default=0,
        )
