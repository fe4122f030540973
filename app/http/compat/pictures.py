"""Bodies that have a picture: the file itself, a form with it, or JSON with it in base64."""

import json
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from app.errors import InvalidRequest
from app.http.contract import REF
from app.http.counting import check_values
from app.http.forms import MULTIPART, read_multipart
from app.settings import Settings

JSON = "application/json"
BINARY = "application/octet-stream"
"""What the document has for a picture as the body: generators of clients know no other type of files."""
FILES = ("file", "image")
"""The names under which a form has its file."""
MAX_FIELDS = 20


def picture(schema: type[BaseModel]) -> Any:
    """The type of an endpoint's parameter that is such a body; schema has a field `image` of bytes."""

    async def body(request: Request) -> BaseModel:
        content = await request.body()
        fields, strict = await _fields(request, content)
        try:
            return schema.model_validate(fields, strict=strict)
        except ValidationError as error:
            raise RequestValidationError(error.errors()) from None

    return Annotated[schema, Depends(body)]


def describe_picture(schema: type[BaseModel]) -> dict[str, Any]:
    """The part of the OpenAPI document that FastAPI can't derive from `picture`."""
    options = {name: field for name, field in schema.model_json_schema()["properties"].items() if name != "image"}
    plain = {name: _without_null(field) for name, field in options.items()}
    binary = {"type": "string", "format": "binary", "minLength": 1}
    file = binary | {"description": "A picture of one line of digits: PNG, JPEG, GIF or BMP."}
    form = {"type": "object", "properties": {FILES[0]: file, **plain}, "required": [FILES[0]]}
    content: dict[str, Any] = {
        JSON: {"schema": {"$ref": REF.format(model=schema.__name__)}},
        MULTIPART: {"schema": form},
        BINARY: {"schema": binary},
    }
    parameters = [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": f"Of a picture that is the body itself: {field.get('description', '')}",
            "schema": {key: value for key, value in field.items() if key != "description"},
        }
        for name, field in plain.items()
    ]
    return {"requestBody": {"required": True, "content": content}, "parameters": parameters}


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of a field without null: forms and addresses have none."""
    first, *_ = field.get("anyOf", [field])
    outside = {name: value for name, value in field.items() if name not in ("anyOf", "default")}
    return {**outside, **first}


async def _fields(request: Request, content: bytes) -> tuple[Any, bool]:
    """The fields of a body, and whether they have JSON's types. Raises InvalidRequest and HTTPException."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == JSON:
        settings: Settings = request.app.state.settings
        check_values(content, settings.max_body_values, settings.max_body_strings)
        try:
            return json.loads(content), True
        except (ValueError, RecursionError):
            raise HTTPException(400) from None
    if media_type == MULTIPART:
        return await _form(request, content), False
    if media_type == BINARY or media_type.startswith("image/"):
        return {**_query(request), "image": content}, False
    raise HTTPException(415, "send a picture as image/png or image/jpeg, in a form, or in JSON as base64")


async def _form(request: Request, content: bytes) -> dict[str, Any]:
    """The fields of a form, with its file as the image. Raises InvalidRequest."""
    fields: dict[str, Any] = {}
    for name, value in await read_multipart(request, content, MAX_FIELDS, max_files=1):
        if isinstance(value, bytes) and name not in FILES:
            raise InvalidRequest(f"its file must be the field {FILES[0]}")
        fields["image" if name in FILES else name] = value
    return fields


def _query(request: Request) -> dict[str, str]:
    """The fields of the query string. Raises InvalidRequest."""
    try:
        return dict(
            parse_qsl(request.scope["query_string"].decode("ascii"), max_num_fields=MAX_FIELDS, errors="strict")
        )
    except ValueError:
        raise InvalidRequest("its query string can't be read") from None
