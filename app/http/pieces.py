"""Replies as JSON in pieces: one call for all of a large one would hold the interpreter, and with it the event loop."""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, TypeAdapter

LARGE = 2_000
"""Scores of results from which on their reply is built in another thread."""
FEW = 64
"""A list of at most so many models is written one model after the other; a longer one in slices."""
SLICE = 32
CHUNK_BYTES = 65_536
_ITEMS = TypeAdapter(list[Any])


def json_pieces(value: Any, **omit: bool) -> Iterator[bytes]:
    """The JSON of a model, or of a list of models, as pydantic writes it.

    omit is exclude_unset or exclude_none, as of pydantic's `model_dump_json`. Of the fields, only those of which a list
    holds models, lists or dictionaries may be long.
    """
    if isinstance(value, BaseModel):
        yield from _model_pieces(value, omit)
    elif len(value) <= FEW and all(isinstance(item, BaseModel) for item in value):
        for index, item in enumerate(value):
            yield b"," if index else b"["
            yield from _model_pieces(item, omit)
        yield b"]" if value else b"[]"
    else:
        for start in range(0, len(value), SLICE):
            yield b"," if start else b"["
            yield _ITEMS.dump_json(value[start : start + SLICE], **omit)[1:-1]  # type: ignore[arg-type]
        yield b"]"


def chunks(pieces: Iterable[bytes]) -> list[bytes]:
    """Pieces joined to chunks that are worth a write."""
    joined: list[bytes] = []
    parts: list[bytes] = []
    size = 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size >= CHUNK_BYTES:
            joined.append(b"".join(parts))
            parts, size = [], 0
    return [*joined, b"".join(parts)]


def _model_pieces(model: BaseModel, omit: dict[str, bool]) -> Iterator[bytes]:
    names = [
        name
        for name in type(model).model_fields
        if not (omit.get("exclude_unset") and name not in model.model_fields_set)
        and not (omit.get("exclude_none") and getattr(model, name) is None)
    ]
    nested = {name for name in names if _is_nested(getattr(model, name))}
    if not nested:
        yield model.model_dump_json(**omit).encode()  # type: ignore[arg-type]
        return
    for index, name in enumerate(names):
        yield b"," if index else b"{"
        if name in nested:
            yield f'"{name}":'.encode()
            yield from json_pieces(getattr(model, name), **omit)
        else:  # by the model, which knows how the field is written
            yield model.model_dump_json(include={name}).encode()[1:-1]
    yield b"}"


def _is_nested(value: Any) -> bool:
    return isinstance(value, BaseModel) or (
        isinstance(value, list) and bool(value) and not isinstance(value[0], int | float | str)
    )
