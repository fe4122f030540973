"""JSON as the standard has it: NaN and infinities are no numbers there, and many readers refuse them."""

import json
import math
from collections.abc import Mapping
from typing import Any

from models.errors import ModelError

LARGEST = 2.0**53
"""Above it, not even whole numbers are exact in JavaScript and in other readers whose numbers are doubles."""


def dumps(value: Any, indent: int | None = None, ensure_ascii: bool = False) -> str:
    """JSON text. Raises ModelError, naming the entry, for a number that is not finite."""
    try:
        return json.dumps(value, indent=indent, ensure_ascii=ensure_ascii, allow_nan=False)
    except ValueError:
        entry = _not_finite(value)
        if entry is None:
            raise
        raise ModelError(f"{entry}, which JSON can't hold") from None


def finite(value: Any, largest: float = math.inf) -> Any:
    """The value with null for each float that is not finite, such as the perplexity of what has probability 0, or that
    is above the largest."""
    if isinstance(value, float):
        return value if math.isfinite(value) and value <= largest else None
    if isinstance(value, Mapping):
        return {key: finite(inner, largest) for key, inner in value.items()}
    return [finite(inner, largest) for inner in value] if isinstance(value, list | tuple) else value


def _not_finite(value: Any, name: str = "") -> str | None:
    """The first number that is not finite, as text with the names of the entries that it is in."""
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{name or 'a number'} is {value}"
    entries = (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    )
    for key, inner in entries:
        found = _not_finite(inner, f"{name}.{key}" if name else str(key))
        if found:
            return found
    return None
