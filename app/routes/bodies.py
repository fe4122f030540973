"""Bodies that are read by hand, because clients send them in several forms."""

import json
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from app.errors import InvalidRequest

ShapeT = TypeVar("ShapeT", bound=BaseModel)
MAX_FIELDS = 200


def accepts(shape: type[BaseModel], *media_types: str) -> dict[str, Any]:
    """For the OpenAPI document: what such a body may be."""
    schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema} for kind in media_types}}}


async def read_body(request: Request, shape: type[ShapeT]) -> ShapeT:
    """A body of JSON or of a form, as a shape. Raises RequestValidationError and InvalidRequest."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await request.form(max_files=0, max_fields=MAX_FIELDS)
        values = {name: form.getlist(name) for name in form}
        given: Any = {name: found[0] if len(found) == 1 else found for name, found in values.items()}
    else:
        try:
            given = json.loads(await request.body())
        except (ValueError, RecursionError):
            raise InvalidRequest("it is neither JSON nor a form") from None
    try:
        return shape.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None
