"""Bodies that are read by hand, because clients send them in several forms."""

import json
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.errors import ClientGone, InvalidRequest

ShapeT = TypeVar("ShapeT", bound=BaseModel)
MAX_FIELDS = 200
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def accepts(shape: type[BaseModel], *media_types: str) -> dict[str, Any]:
    """For the OpenAPI document: what such a body may be."""
    schema = shape.model_json_schema()
    fields = {name: _in_form(field) for name, field in schema["properties"].items()}
    content = {kind: {"schema": schema | {"properties": fields} if kind in FORMS else schema} for kind in media_types}
    return {"requestBody": {"required": True, "content": content}}


def _in_form(field: dict[str, Any]) -> dict[str, Any]:
    """The schema of a field without null, which a form has no way to say."""
    first, *others = field.get("anyOf", [field])
    return first if others == [{"type": "null"}] else field


async def read_body(request: Request, shape: type[ShapeT]) -> ShapeT:
    """A body of JSON or of a form, as a shape. Raises RequestValidationError, InvalidRequest and ClientGone."""
    try:
        return await _read(request, shape)
    except ClientDisconnect:
        raise ClientGone("the client closed the connection") from None


async def _read(request: Request, shape: type[ShapeT]) -> ShapeT:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = kind in FORMS
    if form:
        try:
            fields = await request.form(max_files=0, max_fields=MAX_FIELDS)
        except HTTPException:
            raise InvalidRequest(f"it is not a form of at most {MAX_FIELDS} fields and no file") from None
        values = {name: fields.getlist(name) for name in fields}
        given: Any = {name: found[0] if len(found) == 1 else found for name, found in values.items()}
    else:
        try:
            given = json.loads(await request.body())
        except (ValueError, RecursionError):
            raise InvalidRequest("it is neither JSON nor a form") from None
    try:
        return shape.model_validate(given, strict=not form)  # in a form, all is text
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
