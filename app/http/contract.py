"""What the OpenAPI document says of routes and their errors."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from app.http.problem_examples import problem_example
from app.http.schemas.families import family_of
from app.http.schemas.problem import Problem

TOKENIZE_SHARE = 40
"""Characters whose tokenization costs as much as one token of a model."""

REF = "#/components/schemas/{model}"
JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
DESCRIPTIONS = {
    400: "The body is not JSON.",
    401: "An API key is needed, or the one sent is unknown.",
    403: "Settings turn it off.",
    404: "No model of that name, or none that serves the request.",
    409: "The state or the event's id belongs to another model or client, has expired, or was altered.",
    413: "The body is too large, or what it asks for would take longer than a request may.",
    415: "The body is not sent as JSON.",
    422: "A field is missing, invalid, or above its limit.",
    429: "Too many requests, of this client or of all clients; try again after `Retry-After` seconds.",
    431: "The header of the request is too large.",
    503: "The service is shutting down.",
    504: "No answer within the time limit.",
}
OF_BODIES = {400, 409, 413, 415, 422}
OF_CLIENTS = {401, 429}
OF_JOBS = {503, 504}

FIELDS_OF_EVENTS = {
    "event": "Its type, such as token or done; left out by OpenAI's and Hugging Face's streams.",
    "id": "What a client sends as Last-Event-ID to resume after it.",
    "data": "A JSON value as a text.",
}
EVENT = {
    "type": "object",
    "properties": {name: {"type": "string", "description": text} for name, text in FIELDS_OF_EVENTS.items()},
}
STREAMED: dict[str, Any] = {
    "description": "The answer; with `stream`, as Server-Sent Events.",
    "content": {"text/event-stream": {"schema": EVENT}},
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
    takes_pictures: bool = False
    """Whether the body can be a picture."""
    takes_tensors: bool = False
    """Whether the body is one of the Open Inference Protocol."""
    uploads: Any = None
    """Where the body is a file: the Uploads that say which are taken."""
    only_types: tuple[str, ...] = ()
    """Where another route of the same address takes all else: how the media types of its bodies begin."""
    is_open: bool = False
    """Whether it has no limits of clients, and needs no API key."""
    errors: Collection[int] | None = None
    """The native statuses of its errors, where they do not follow from the address and the method."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further ones of FastAPI's `add_api_route`."""


@dataclass(frozen=True)
class RouteGroup:
    """Routes that share a prefix, a tag and the schema of errors; needs_key: with an API key in the header, if any.

    never are the native statuses that none of them answers; the id of an operation is the endpoint's name after `name`.
    """

    tag: str
    routes: Sequence[Route]
    prefix: str = ""
    name: str = ""
    error: type[BaseModel] = Problem
    never: Collection[int] = ()
    needs_key: bool = True

    def operation_id(self, route: Route) -> str:
        """Unique in the document, and a good name for a function of a client."""
        return self.name + route.endpoint.__name__.strip("_")

    def responses(self, route: Route) -> dict[int | str, dict[str, Any]]:
        """The errors of a route as FastAPI's `responses`, with their family's statuses."""
        media_type = PROBLEM_JSON if self.error is Problem else JSON
        content = {media_type: {"schema": {"$ref": REF.format(model=self.error.__name__)}}}
        return {
            status: {"description": " ".join(DESCRIPTIONS[native] for native in natives), "content": content}
            for status, natives in self._natives(route).items()
        }

    def error_examples(self, route: Route) -> dict[int, dict[str, Any]]:
        """OpenAPI's examples of a route's errors, by status: one for each native status that this stands for."""
        path = f"{self.prefix}{route.path}"
        family = family_of(path)
        examples: dict[int, dict[str, Any]] = {}
        for status, natives in self._natives(route).items():
            for native in natives:
                example = problem_example(native, path)
                value = family.error(example) if family else example.model_dump()
                name = "problem" if natives == [status] else f"problem_{native}"
                examples.setdefault(status, {})[name] = {"summary": example.title, "value": value}
        return examples

    def _natives(self, route: Route) -> dict[int, list[int]]:
        """For each status of a route's errors, the native ones that it stands for."""
        family = family_of(f"{self.prefix}{route.path}")
        natives: dict[int, list[int]] = {}
        for status in sorted(self._statuses(route)):
            natives.setdefault(family.status(status) if family else status, []).append(status)
        return natives

    def _statuses(self, route: Route) -> Collection[int]:
        if route.errors is not None:
            return route.errors
        statuses = {431} if route.is_open else set(OF_CLIENTS)
        if route.method == "POST":
            statuses |= OF_BODIES | OF_JOBS | {404}
        if "{" in route.path:
            statuses.add(404)
        if route.uploads:  # what is not a file or a form is not read at all
            statuses.discard(400)
        return statuses - set(self.never)
