"""Jobs, events, results and errors as bytes, and back. They are MessagePack; nothing is pickled.

Of each kind of value there is one decoder, which checks every field's type: what a process sends is data, never code.
"""

from typing import Any, get_args

import msgspec

import app.errors
import models.errors
from app.engine.jobs import (
    Caption,
    Drawing,
    Generation,
    Inspection,
    Job,
    Prediction,
    RowEvent,
    SentenceEvent,
    Speech,
    Summary,
    TokenEvent,
    Transcription,
    Translation,
    Verdict,
)  # fmt: skip

_ENCODER = msgspec.msgpack.Encoder()
_LISTS: dict[type, Any] = {Verdict: list[Verdict], Translation: list[Translation], Summary: list[Summary]}
"""Of results that are lists: the type of the list, by that of its items."""
_SINGLE = (
    *get_args(Job), TokenEvent, SentenceEvent, RowEvent,
    Generation, Prediction, Inspection, Caption, Transcription, Speech, Drawing,
)  # fmt: skip
_NAMES: dict[type, str] = {kind: kind.__name__ for kind in (*_SINGLE, *_LISTS)}
_DECODERS = {
    kind.__name__: msgspec.msgpack.Decoder(kind if kind in _SINGLE else _LISTS[kind]) for kind in (*_SINGLE, *_LISTS)
}
_FIELDS = msgspec.msgpack.Decoder(dict[str, Any])
_ERRORS: dict[str, type[Exception]] = {
    name: kind
    for module in (models.errors, app.errors)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, app.errors.ServiceError | models.errors.ModelError)
}


class Value(msgspec.Struct, array_like=True):
    """A job, an event or a result; name is that of its type, or of the items of a list."""

    name: str
    content: msgspec.Raw


class Failure(msgspec.Struct, array_like=True):
    """An error. name is empty for one that is not the client's fault: its message could quote a text."""

    name: str
    message: str
    fields: msgspec.Raw


def encode_value(value: Any) -> Value:
    """Raises TokenizerError for a text with a lone surrogate, as tokenizers do; KeyError for a type not listed here."""
    kind = type(value)
    if kind is list:
        kind = type(value[0]) if value else Verdict
    try:
        return Value(_NAMES[kind], msgspec.Raw(_ENCODER.encode(value)))
    except UnicodeEncodeError as error:
        raise models.errors.TokenizerError(f"character {error.start} is a lone surrogate, not a character") from None


def decode_value(value: Value) -> Any:
    """Raises msgspec.DecodeError for fields of other types, and KeyError for an unknown name."""
    return _DECODERS[value.name].decode(value.content)


def encode_error(error: BaseException) -> Failure:
    """Raises TypeError for an error with fields that are no plain values."""
    name = next((kind.__name__ for kind in type(error).__mro__ if _ERRORS.get(kind.__name__) is kind), "")
    if not name:
        return Failure(name, type(error).__name__, msgspec.Raw(_ENCODER.encode({})))
    return Failure(name, str(error), msgspec.Raw(_ENCODER.encode(vars(error))))


def decode_error(failure: Failure) -> Exception:
    if not failure.name:
        return RuntimeError(f"the engine failed: {failure.message}")
    kind = _ERRORS[failure.name]
    error = kind.__new__(kind, failure.message)
    vars(error).update(_FIELDS.decode(failure.fields))
    return error
