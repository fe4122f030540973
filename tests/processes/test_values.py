"""What crosses between processes comes out as it went in."""

import inspect
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import app.errors
import models.errors
from app.engine import jobs
from app.engine.jobs import Job, Result
from app.errors import InvalidRequest, LimitExceeded, QueueFull, ServiceError
from app.processes import messages
from app.processes.hub import HttpConnection
from app.processes.messages import Message, ToEngine, ToHttp
from app.processes.remote_engine import RemoteEngine
from app.processes.values import decode_error, decode_value, encode_error, encode_value
from models.errors import ModelError

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    int: st.integers(-(2**63), 2**64 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=8),
    NoneType: st.none(),
}
EVENTS = [
    kind
    for name, kind in inspect.getmembers(jobs, is_dataclass)
    if name.endswith("Event") and kind.__module__ == jobs.__name__
]
VALUES = [*get_args(Job), *get_args(Result), *EVENTS]
ERRORS = [
    kind
    for module in (app.errors, models.errors)
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, ServiceError | ModelError)
]


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type, with every field."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is None:
        return PLAIN[hint] if hint in PLAIN else _objects(hint)
    if origin is Literal:
        return st.sampled_from(arguments)
    parts = [values(argument) for argument in arguments if argument is not ...]
    if origin in (Union, UnionType):
        return st.one_of(*parts)
    if origin is dict:
        return st.dictionaries(*parts, max_size=3)
    if origin is tuple and ... not in arguments:
        return st.tuples(*parts)
    return st.lists(parts[0], max_size=3).map(tuple if origin is tuple else list)


def _objects(kind: Any) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{field.name: values(hints[field.name]) for field in fields(kind) if field.init})


@pytest.mark.parametrize("kind", VALUES, ids=str)
@settings(max_examples=30)
@given(data=st.data())
def test_a_value_comes_out_as_it_went_in(kind: Any, data: st.DataObject) -> None:
    value = data.draw(values(kind))
    if isinstance(value, Job):
        assert value.cost >= 0 or value.cost < 0  # computed once, and kept beside the fields
    assert decode_value(encode_value(value)) == value


@pytest.mark.parametrize("kind", ERRORS)
@settings(max_examples=10)
@given(text=PLAIN[str], field=PLAIN[str], seconds=PLAIN[float], headers=values(dict[str, str]))
def test_an_error_comes_out_with_its_type_and_fields(
    kind: type[Any], text: str, field: str, seconds: float, headers: dict[str, str]
) -> None:
    error: Exception
    if issubclass(kind, LimitExceeded):
        error = kind(text, seconds, headers)
    elif issubclass(kind, app.errors.Busy):
        error = kind(text, seconds)
    else:
        error = kind(text, field) if issubclass(kind, ServiceError) else kind(text)
    crossed = decode_error(encode_error(error))
    assert type(crossed) is kind
    assert (str(crossed), crossed.args[0], vars(crossed)) == (str(error), text, vars(error))


def test_errors_are_of_all_kinds() -> None:
    assert {InvalidRequest, QueueFull} < set(ERRORS)


def test_an_error_of_ours_crosses_without_its_text() -> None:
    error = decode_error(encode_error(KeyError("a user's text")))
    assert "user" not in str(error)
    assert not isinstance(error, ServiceError | ModelError)


@pytest.mark.parametrize("content", [b"\xc0", msgspec.msgpack.encode({"prompt": 5}), b"\x80"])
def test_content_of_another_type_is_refused(content: bytes) -> None:
    value = encode_value(jobs.InspectJob("text"))
    value.content = msgspec.Raw(content)
    with pytest.raises(msgspec.DecodeError):
        decode_value(value)


def test_each_message_is_handled_at_the_other_end() -> None:
    kinds = {kind for _, kind in inspect.getmembers(messages, inspect.isclass) if issubclass(kind, Message)}
    assert kinds - {Message} == {*get_args(ToEngine), *get_args(ToHttp)}
    assert {*get_args(ToEngine)} == set(HttpConnection.HANDLED)
    assert {*get_args(ToHttp)} == set(RemoteEngine.HANDLED)
