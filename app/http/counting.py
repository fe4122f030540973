"""The values of a JSON body, counted before it is parsed: millions of them would hold the event loop."""

import re
from itertools import islice

from starlette.exceptions import HTTPException

SMALL_BODY_BYTES = 16_384
"""A body of so many bytes has no more values than any setting forbids in practice."""
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def check_values(body: bytes, max_values: int, max_strings: int) -> None:
    """Raise HTTPException 413 for a body with more values, or more strings (the names of fields too), than allowed."""
    if len(body) <= SMALL_BODY_BYTES:
        return
    # an upper bound first, which is enough for nearly all: a comma may be part of a text
    quotes, separators = body.count(b'"'), sum(map(body.count, (b",", b"[", b"{")))
    if quotes <= 2 * max_strings and separators <= max_values:
        return
    if next(islice(_STRING.finditer(body), max_strings, None), None):
        raise HTTPException(413, f"the body may have at most {max_strings} strings, names of fields included")
    outside = _STRING.sub(b"", body)
    if sum(map(outside.count, (b",", b"[", b"{"))) > max_values:
        raise HTTPException(413, f"the body may have at most {max_values} values")
