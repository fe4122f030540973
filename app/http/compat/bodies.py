"""Bodies that can be JSON or a form; where there is none, the query string has their fields."""

import asyncio
import json
from collections.abc import Iterable
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from app.errors import InvalidRequest
from app.http.clients import admit
from app.http.contract import REF
from app.http.counting import SMALL_BODY_BYTES, check_values
from app.http.forms import MULTIPART, check_charset, read_multipart
from app.settings import Settings

MAX_FIELDS = 200
JSON = "application/json"
FORMS = ("application/x-www-form-urlencoded", MULTIPART)


def form_or_json(schema: type[BaseModel]) -> Any:
    """The type of an endpoint's parameter that is such a body."""

    async def body(request: Request) -> BaseModel:
        if "authorization" in request.headers:
            await admit(request)
        try:
            return await _read(request, schema)
        except InvalidRequest:
            await admit(request)  # what can't be read has no key
            raise

    return Annotated[schema, Depends(body)]


def describe_body(schema: type[BaseModel]) -> dict[str, Any]:
    """The part of the OpenAPI document that FastAPI can't derive from `form_or_json`."""
    names = body_schemas(schema)
    content = {
        media_type: {"schema": {"$ref": REF.format(model=name)}}
        for media_type, name in zip((JSON, *FORMS), names, strict=True)
    }
    description = "Without a body, the query string has its fields."
    return {"requestBody": {"description": description, "required": False, "content": content}}


def body_schemas(schema: type[BaseModel]) -> dict[str, Any]:
    """The components for such a body, by name: for JSON, and for each type of form, which has no null.

    The forms have two components, because generators of clients tell types of bodies apart by their schemas.
    """
    json_schema = schema.model_json_schema(ref_template=REF)
    assert "$defs" not in json_schema, "a form has no nested objects"
    fields = {name: _without_null(field) for name, field in json_schema["properties"].items()}
    form = json_schema | {"properties": fields}
    components = {"Json": json_schema, "": form, "Multipart": form}
    return {
        f"{schema.__name__}{suffix}": component | {"title": f"{schema.__name__}{suffix}"}
        for suffix, component in components.items()
    }


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of a field without null."""
    first: dict[str, Any]
    first, *others = field.get("anyOf", [field])
    if others != [{"type": "null"}]:
        return field
    return first | {name: value for name, value in field.items() if name != "anyOf"}


async def _read(request: Request, schema: type[BaseModel]) -> BaseModel:
    """Admits the client before the body is validated, by the key in it.

    Raises RequestValidationError, InvalidRequest, and as `admit`.
    """
    settings: Settings = request.app.state.settings
    content_type = request.headers.get("content-type", "")
    media_type, content = content_type.partition(";")[0].strip().lower(), await request.body()
    is_json = media_type not in FORMS and bool(content)
    if is_json:
        check_values(content, settings.max_body_values, settings.max_body_strings)
        try:
            body: Any = json.loads(content)
        except (ValueError, RecursionError):
            raise InvalidRequest("it is neither JSON nor a form") from None
    else:
        check_charset(content_type)
        form = _read_form(request, media_type, content)
        # a long one in another thread: percent signs are decoded one by one
        pairs = await (form if len(content) <= SMALL_BODY_BYTES else run_in_threadpool(asyncio.run, form))
        fields = _fields(_pairs(request.scope["query_string"])) | _fields(pairs)
        body = {name: value for name, value in fields.items() if value != "" or not _is_optional(schema, name)}
    await admit(request, _key(body))
    try:
        return schema.model_validate(body, strict=is_json)  # the values of a form are texts
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


async def _read_form(request: Request, media_type: str, content: bytes) -> list[tuple[str, str]]:
    """The fields of a form. Raises InvalidRequest."""
    if media_type != MULTIPART or not content:
        return _pairs(content)
    return [(name, str(value)) for name, value in await read_multipart(request, content, MAX_FIELDS)]  # no files


def _is_optional(schema: type[BaseModel], name: str) -> bool:
    """Whether a field can be left out: a form has no null, and callers send it empty instead."""
    return name in schema.model_fields and not schema.model_fields[name].is_required()


def _key(body: Any) -> str | None:
    key = body.get("api_key") if isinstance(body, dict) else None
    return key if isinstance(key, str) else None


def _pairs(content: bytes) -> list[tuple[str, str]]:
    """The fields of a query string, or of a form that is written as one."""
    try:
        return parse_qsl(content.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest("its fields are not in UTF-8") from None
    except ValueError:
        raise InvalidRequest(f"it is not a form of at most {MAX_FIELDS} fields and no file") from None


def _fields(pairs: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Fields by name: a text, or a list where there are several of a name."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: items[0] if len(items) == 1 else items for name, items in values.items()}
