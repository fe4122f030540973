"""What all routes share: a body's limits come from settings, and errors are documented."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Collection
from typing import Any, ParamSpec, TypeVar

from pydantic import BaseModel

from app.http.schemas.families import family_of
from app.http.schemas.problem import Problem

P = ParamSpec("P")
R = TypeVar("R")

TOKENIZE_SHARE = 40
"""Characters whose cutting up costs as much as a token that a model reads."""

DESCRIPTIONS = {
    400: "The body is not JSON.",
    401: "An API key is needed, or the one given is not known.",
    404: "No model of that name, or none that serves the request.",
    409: "The state, or the event's id, is of another model or client, has expired, or was altered.",
    413: "The body is too large.",
    415: "The body is not sent as JSON.",
    422: "A field is missing, wrong, or past its limit.",
    429: "Too many requests, of this client or of all; try again after `Retry-After` seconds.",
    503: "The service is shutting down.",
    504: "No answer within the time limit.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description, "content": {"application/problem+json": {}}}
    for status, description in DESCRIPTIONS.items()
}


STREAMED: dict[str, Any] = {
    "description": "The answer; with `stream`, as Server-Sent Events.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


def refusals(prefix: str, shape: type[BaseModel], never: Collection[int]) -> dict[int | str, dict[str, Any]]:
    """As PROBLEMS, for a family's routes: under its own statuses, in the shape of its errors, less some of ours."""
    family = family_of(prefix)
    assert family
    found: dict[int, list[str]] = {}
    for ours, description in DESCRIPTIONS.items():
        if ours not in never:
            found.setdefault(family.status(ours), []).append(description)
    return {status: {"model": shape, "description": " ".join(said)} for status, said in found.items()}


def with_body(endpoint: Callable[P, Awaitable[R]], shape: type[Any]) -> Callable[P, Awaitable[R]]:
    """The endpoint, with `shape` for the type of its parameter `body` in FastAPI's eyes."""

    @functools.wraps(endpoint)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return await endpoint(*args, **kwargs)

    signature = inspect.signature(endpoint)
    parameters = [
        parameter.replace(annotation=shape) if parameter.name == "body" else parameter
        for parameter in signature.parameters.values()
    ]
    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return call
