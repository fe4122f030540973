"""When a generated text may end: not before there is something to see."""

import codecs


class Visibility:
    """Whether a generated text has a visible character: printable, complete, and no space."""

    def __init__(self, held_text: str = "", held_bytes: bytes = b"", visible: bool = False) -> None:
        """visible says whether earlier requests generated one; held are the text and bytes that it held back."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._decoder.setstate((held_bytes, 0))
        self.visible = visible or _is_visible(held_text)

    def push(self, token: bytes) -> None:
        if not self.visible:
            self.visible = _is_visible(self._decoder.decode(token))


def _is_visible(text: str) -> bool:
    return any(char.isprintable() and not char.isspace() for char in text)
