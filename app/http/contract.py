"""What the OpenAPI document says of routes and their errors."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from app.http.schemas.families import family_of
from app.http.schemas.problem import Problem

TOKENIZE_SHARE = 40
"""Characters whose tokenization costs as much as one token of a model."""

DESCRIPTIONS = {
    400: "The body is not JSON.",
    401: "An API key is needed, or the one sent is unknown.",
    404: "No model of that name, or none that serves the request.",
    409: "The state or the event's id belongs to another model or client, has expired, or was altered.",
    413: "The body is too large.",
    415: "The body is not sent as JSON.",
    422: "A field is missing, invalid, or above its limit.",
    429: "Too many requests, of this client or of all clients; try again after `Retry-After` seconds.",
    503: "The service is shutting down.",
    504: "No answer within the time limit.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description, "content": {"application/problem+json": {}}}
    for status, description in DESCRIPTIONS.items()
}


EVENT = {"type": "object", "properties": {name: {"type": "string"} for name in ("event", "id", "data")}}
STREAMED: dict[str, Any] = {
    "description": "The answer; with `stream`, as Server-Sent Events.",
    "content": {"text/event-stream": {"schema": EVENT}},
}


def family_errors(prefix: str, schema: type[BaseModel], never: Collection[int]) -> dict[int | str, dict[str, Any]]:
    """As PROBLEMS, for the routes under a prefix: with their family's statuses and schema of errors, less `never`."""
    family = family_of(prefix)
    assert family
    by_status: dict[int, list[str]] = {}
    for status, description in DESCRIPTIONS.items():
        if status not in never:
            by_status.setdefault(family.status(status), []).append(description)
    return {
        status: {"model": schema, "description": " ".join(descriptions)} for status, descriptions in by_status.items()
    }


@dataclass(frozen=True)
class Route:
    """An address, and the function that answers it. omit says which fields a reply's JSON leaves out."""

    path: str
    endpoint: Callable[..., Any]
    summary: str
    reply: Any
    method: str = "POST"
    omit: Literal["unset", "none", ""] = "unset"
    streams: bool = False
    """Whether the reply can be Server-Sent Events."""
    takes_forms: bool = False
    """Whether the body can be a form."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further ones of FastAPI's `add_api_route`."""


@dataclass(frozen=True)
class RouteGroup:
    """Routes that share a tag, and the errors that they document; needs_key: with an API key in the header, if any."""

    tag: str
    routes: Sequence[Route]
    errors: Mapping[int | str, dict[str, Any]]
    prefix: str = ""
    needs_key: bool = True
