"""Bodies that are a file: the file itself, or a form with it in the field `file`.

Beside the file itself, the query string has the other fields.
"""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from app.errors import InvalidRequest
from app.http.contract import REF
from app.http.forms import MULTIPART, read_multipart

BINARY = "application/octet-stream"
FILE = "file"
MAX_FIELDS = 32


@dataclass(frozen=True)
class Uploads:
    """Which files are taken: those of media types that begin so, and those whose type nobody has said."""

    prefix: str
    only_forms: bool = False
    """Whether a file must be in a form."""

    def annotate(self, schema: type[BaseModel]) -> Any:
        """The type of an endpoint's parameter that is such a body, with the file in the field `file`."""

        async def body(request: Request) -> BaseModel:
            content = await request.body()
            fields = await self._fields(request, content)
            try:
                return schema.model_validate(fields, strict=False)  # the values of forms are texts
            except ValidationError as error:
                raise RequestValidationError(error.errors()) from None

        return Annotated[schema, Depends(body)]

    def components(self, schema: type[BaseModel]) -> dict[str, Any]:
        """The schema of a form, by its name."""
        return {schema.__name__: _form_schema(schema)}

    def describe(self, schema: type[BaseModel]) -> dict[str, Any]:
        """The part of the OpenAPI document that FastAPI can't derive."""
        content: dict[str, Any] = {MULTIPART: {"schema": {"$ref": REF.format(model=schema.__name__)}}}
        if self.only_forms:
            return {"requestBody": {"required": True, "content": content}}
        binary = {"schema": {"type": "string", "format": "binary"}}
        parameters = [
            {"name": name, "in": "query", "required": False, "schema": field, "description": field.get("description")}
            for name, field in _form_schema(schema)["properties"].items()
            if name != FILE
        ]
        content = {BINARY: binary, **content}  # generators of clients know no other type of files
        return {"requestBody": {"required": True, "content": content}, "parameters": parameters}

    def takes(self, media_type: str) -> bool:
        return media_type.startswith(self.prefix) or media_type in ("", BINARY)

    async def _fields(self, request: Request, content: bytes) -> dict[str, Any]:
        """All fields by name. Raises InvalidRequest, and HTTPException for another type of body."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type == MULTIPART:
            return await read_form(request, content)
        if self.only_forms or not self.takes(media_type):
            raise HTTPException(415, f"send a file as {MULTIPART}" + (f" or {self.prefix}*" * (not self.only_forms)))
        try:
            query = request.scope["query_string"].decode("utf-8")
            return {**dict(parse_qsl(query, max_num_fields=MAX_FIELDS, errors="strict")), FILE: content}
        except ValueError:
            raise InvalidRequest(f"the query string is not UTF-8, or has more than {MAX_FIELDS} fields") from None


async def read_form(request: Request, content: bytes) -> dict[str, Any]:
    """The fields of a form with a file: bytes for the file, a text or a list of texts for the others.

    Raises InvalidRequest where it is not a form, or has several files.
    """
    values: dict[str, list[str | bytes]] = {}
    for name, value in await read_multipart(request, content, MAX_FIELDS, max_files=1):
        values.setdefault(name, []).append(value)
    return {name: items[0] if len(items) == 1 else items for name, items in values.items()}


def _form_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a form, whose fields can't be null."""
    document: dict[str, Any] = schema.model_json_schema(ref_template=REF)
    document["properties"] = {name: _without_null(field) for name, field in document["properties"].items()}
    return document


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    branches = [branch for branch in field.get("anyOf", [field]) if branch != {"type": "null"}]
    if len(branches) != 1:
        return field
    first: dict[str, Any] = branches[0]
    return first | {name: value for name, value in field.items() if name not in ("anyOf", "default")}
