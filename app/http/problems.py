"""The one place that turns errors into HTTP: problem documents that never echo the input."""

import math
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.errors import (
    Busy,
    ClientGone,
    Conflict,
    DeadlineExceeded,
    EngineStopped,
    InvalidRequest,
    LimitExceeded,
    ModelNotFound,
    NoModel,
    NotServed,
    Off,
    ServiceError,
    TooMuchWork,
    Unauthorized,
)  # fmt: skip
from app.http.schemas.families import family_of
from app.http.schemas.problem import MODEL_NOT_FOUND, FieldProblem, Problem
from models.errors import TokenizerError

STATUSES: dict[type[ServiceError], tuple[int, str]] = {
    ServiceError: (500, "Internal error"),
    InvalidRequest: (422, "Invalid request"),
    ModelNotFound: (404, MODEL_NOT_FOUND),
    NotServed: (404, "Not served here"),
    NoModel: (404, "No model for this request"),
    Conflict: (409, "Conflict"),
    Unauthorized: (401, "Unauthorized"),
    Off: (403, "Off here"),
    TooMuchWork: (413, "Too much for one request"),
    Busy: (429, "Too many requests"),
    ClientGone: (499, "Client closed request"),  # nginx's number for it
    EngineStopped: (503, "Service unavailable"),
    DeadlineExceeded: (504, "Deadline exceeded"),
}
"""The status and title of each error; one that is not listed has those of its base class."""

OF_COMPLETIONS = {"text": "/prompt", "max_new_tokens": "/max_tokens"}
POINTERS: dict[str, dict[str, str]] = {
    "/generate": {"text": "/prompt"},
    "/v1/*": OF_COMPLETIONS,
    "/libretranslate/*": {"text": "/q"},
    "/v2/*": {"text": "/inputs/0/data", "source": "/parameters/source", "target": "/parameters/target"},
    "/hf/*/v1/*": OF_COMPLETIONS,
    "/hf/*/*": {},
    "/hf/*": {
        "text": "/inputs",
        "prompt": "/inputs",
        "max_new_tokens": "/parameters/max_new_tokens",
        "source": "/parameters/src_lang",
        "target": "/parameters/tgt_lang",
    },
}
"""By a pattern of paths, the JSON pointers of fields that its bodies name otherwise; elsewhere it is /field."""

PLAIN = {
    "bytes_type": "it must be base64",
    "dict_type": "it must be an object",
    "model_attributes_type": "it must be an object",
    "model_type": "it must be an object",
}
"""In place of pydantic's messages that name types of Python."""
MAX_ERRORS = 10
MAX_NAME = 64
LOCATIONS = ("body", "path", "query", "header")
_BRANCH = re.compile(r"\([a-z ]+\)")
_JSON = re.compile(r"application/(.+\+)?json")
INTERNAL = "an error of ours; the log has it under the request's id"


def install_handlers(app: FastAPI) -> None:
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(ClientDisconnect, _client_gone)
    app.add_exception_handler(TokenizerError, _tokenizer_error)
    app.add_exception_handler(HTTPException, _http_error)


def problem(
    scope: Mapping[str, Any],
    status: int,
    title: str,
    detail: str,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A response in the schema of the path's family; for native routes, application/problem+json."""
    body = Problem(title=title, status=status, detail=detail, instance=_instance(scope), errors=list(errors))
    return _response(scope, body, headers)


def problem_document(path: str, error: BaseException) -> Problem:
    """The problem of an error within a stream, where it is too late for a status."""
    if isinstance(error, ServiceError):
        return _document(path, path, error)
    return Problem(title="Internal error", status=500, detail=INTERNAL, instance=path, errors=[])


def stream_error(path: str, error: BaseException) -> dict[str, Any]:
    """As problem_document, in the schema of the path's family."""
    body = problem_document(path, error)
    family = family_of(path)
    return family.error(body) if family else body.model_dump()


def _instance(scope: Mapping[str, Any]) -> str:
    """The template of the route's path: the path itself could contain anything."""
    path: str = getattr(scope.get("route"), "path", "")
    return path


def _document(path: str, instance: str, error: ServiceError) -> Problem:
    status, title = next(STATUSES[base] for base in type(error).__mro__ if base in STATUSES)
    errors = [FieldProblem(pointer=_pointer_to(error.field, path), detail=error.detail)] if error.field else []
    return Problem(title=title, status=status, detail=error.detail, instance=instance, errors=errors)


def _pointer_to(field: str, path: str) -> str:
    """Where the bodies that a path takes have a field, or an item of one (`text/1`)."""
    name, *index = field.split("/")
    renamed = next((pointers for pattern, pointers in POINTERS.items() if fnmatchcase(path, pattern)), {})
    return "/".join([renamed.get(name, f"/{name}"), *index])


def _headers(error: ServiceError) -> dict[str, str]:
    """What an error's reply says in its headers."""
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, EngineStopped):
        return {"Retry-After": "1"}
    limits = error.headers if isinstance(error, LimitExceeded) else {}
    if isinstance(error, Busy):
        return {**limits, "Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
    return {}


def _response(scope: Mapping[str, Any], body: Problem, headers: Mapping[str, str] | None) -> JSONResponse:
    family = family_of(scope.get("path", ""))
    if family is None:
        return JSONResponse(body.model_dump(), body.status, dict(headers or {}), media_type="application/problem+json")
    return JSONResponse(family.error(body), family.status(body.status), dict(headers or {}))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    request.app.state.metrics.refusals.labels("invalid").inc()
    entries = error.errors()
    if entries and entries[0]["type"] == "json_invalid":
        position = entries[0]["loc"][-1]
        return problem(request.scope, 400, "Not JSON", f"the body is not JSON, from its character {position} on")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (
        entries
        and tuple(entries[0]["loc"]) == ("body",)
        and entries[0]["type"] != "missing"
        and not _JSON.fullmatch(kind)
    ):
        return problem(request.scope, 415, "Unsupported media type", "send the body as content-type: application/json")
    names = _field_names(request)
    errors = [_field_problem(entry, names) for entry in entries[:MAX_ERRORS]]
    return problem(request.scope, 422, "Invalid request", in_one_line(errors), errors)


def in_one_line(errors: Sequence[FieldProblem]) -> str:
    """The detail of a problem with fields: what is wrong with each."""
    return "; ".join(f"{error.pointer or 'the body'}: {error.detail}" for error in errors)


def _field_names(request: Request) -> list[str]:
    """The names of the fields of a route's body, sorted; empty where the body is not of one schema."""
    field = getattr(request.scope.get("route"), "body_field", None)
    schema = field.field_info.annotation if field else None
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        return []
    return sorted(info.alias or name for name, info in schema.model_fields.items())


def _field_problem(entry: Mapping[str, Any], names: Sequence[str]) -> FieldProblem:
    """An entry of pydantic's errors. names are those of the body's fields, for one that there is not."""
    location, kind = entry["loc"], entry["type"]
    if kind == "missing" and tuple(location) == ("body",):
        return FieldProblem(pointer="", detail="it is empty; send a JSON object")
    if kind == "extra_forbidden":
        known = names if len(location) == 2 and location[0] == "body" else ()  # not one of an object in a field
        nearest = get_close_matches(str(location[-1])[:MAX_NAME].lower(), known, 1)
        hint = f"; did you mean {nearest[0]}?" if nearest else f"; there are {', '.join(known)}" if known else ""
        return FieldProblem(pointer=_pointer(location), detail=f"no such field{hint}")
    return FieldProblem(pointer=_pointer(location), detail=detail_of(entry))


async def _service_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ServiceError)
    request.app.state.metrics.refusals.labels(error.reason).inc()
    body = _document(request.scope["path"], _instance(request.scope), error)
    return _response(request.scope, body, _headers(error))


async def _client_gone(request: Request, _: Exception) -> JSONResponse:
    """The client left before its body had come."""
    return await _service_error(request, ClientGone("the client closed the connection"))


async def _tokenizer_error(request: Request, error: Exception) -> JSONResponse:
    return problem(request.scope, 422, "Invalid text", str(error))


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    details = {
        400: "the body can't be read as JSON",
        404: f"nothing is at this address; {_what_there_is(request)}",
        405: f"this address does not take this method{_methods_of(error)}",
        408: error.detail,
        413: error.detail,
        415: error.detail,
    }
    detail = details.get(error.status_code, title.lower())
    headers = dict(error.headers or {})
    if headers.get("Allow") == "GET":
        headers["Allow"] = "GET, HEAD"
    return problem(request.scope, error.status_code, title, detail, headers=headers)


def _what_there_is(request: Request) -> str:
    """For a client that asks for what is not served: the addresses of its path's family, or the nearest address."""
    path: str = request.scope["path"]
    addresses: dict[str, list[str]] = request.app.state.addresses
    if family := family_of(path):
        return f"there are {', '.join(addresses[family.prefix])}"
    named = path[:MAX_NAME].lower().replace("_", "-")
    nearest = get_close_matches(named, [address.split(" ")[1] for address in addresses[""]], 1, cutoff=0.75)
    ends = [address for group in addresses.values() for address in group if address.endswith(named) and len(named) > 1]
    found = [address for address in addresses[""] if address.split(" ")[1] in nearest] or ends[:1]
    return f"did you mean {' or '.join(found)}? /docs shows all" if found else "/docs shows what there is"


def _methods_of(error: HTTPException) -> str:
    """What a refused method says of those that the address takes, where the error has them."""
    allowed = (error.headers or {}).get("Allow", "")
    return f"; it takes {allowed}" if allowed else ""


def _pointer(location: Sequence[Any]) -> str:
    """A JSON pointer, without the part of the request and the tags of unions; long names are cut."""
    parts = [str(part) for part in location if part not in LOCATIONS and not _BRANCH.fullmatch(str(part))]
    clean = (part.encode("utf-8", "replace").decode("utf-8")[:MAX_NAME] for part in parts)
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in clean)


def detail_of(entry: Mapping[str, Any]) -> str:
    """The message of an error of pydantic's, with the value if it is a number, or else its size."""
    message = str(entry["msg"]).removeprefix("Value error, ")
    value = entry.get("input")
    message = PLAIN.get(entry["type"], message)
    if entry["type"] in ("string_too_long", "string_too_short") and isinstance(value, str):
        return f"{message}; given: {len(value)}"
    if entry["type"] == "too_long" and isinstance(value, str):  # pydantic counts items where null is another type
        return f"String should have at most {entry['ctx']['max_length']} characters; given: {len(value)}"
    if entry["type"] in ("too_long", "too_short") and isinstance(value, list):
        return f"{message.split(' after')[0]}; given: {len(value)}"
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:  # no NaN
        return f"{message}; given: {value:g}"
    return message
