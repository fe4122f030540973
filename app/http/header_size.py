"""How large the header of a request is, and the framing of its body, while they arrive."""

FIRST_LINE_BYTES = 32
"""Of a request's first line, without its URL."""
CHUNK_BYTES = 32
"""Allowance for the framing of a chunk."""


class HeaderSize:
    """Counts the bytes that are no body. The parser passes on a field only when it is complete, and no framing.

    So there are two counts of a header: of the fields passed on, exact; and of the segments that arrived wholly within
    it, to limit fields that do not end. A segment in which another request ended counts for neither request.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max = max_bytes
        self._fields = self._segments = self._framing = 0
        self._shared = False

    def begin_message(self) -> None:
        self._fields = self._segments = self._framing = 0

    def begin_segment(self) -> None:
        self._shared = False

    def end_part(self) -> None:
        """A header or a body ends within this segment: the rest of it belongs to another part."""
        self._shared = True

    def add_field(self, size: int) -> bool:
        """Count a part of the URL or a field; return whether the header is within its limit."""
        self._fields += size
        return self._fields <= self._max

    def add_header_segment(self, size: int) -> bool:
        """Count a segment at whose end the header is not complete; return whether it is within its limit."""
        if not self._shared:
            self._segments += size
        return self._segments <= self._max + FIRST_LINE_BYTES

    def add_body_segment(self, size: int) -> bool:
        """Count a segment at whose end the body is not complete; return whether its framing is within its limit."""
        if not self._shared:
            self._framing += size
        return self._framing <= self._max

    def subtract_body(self, size: int) -> None:
        self._framing -= size

    def subtract_chunk(self) -> None:
        self._framing -= CHUNK_BYTES
