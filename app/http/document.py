"""The OpenAPI document: FastAPI's, so that generators of clients, linters and test tools read it without a fault."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from app.http.contract import REF
from app.http.examples import add_examples

METHODS = ("get", "put", "post", "delete", "patch")
PHANTOMS = ("HTTPValidationError", "ValidationError")
"""FastAPI's own schemas of errors, which no route here answers with."""
LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
CONTACT = {"name": "Carousel"}


class Api(FastAPI):
    """FastAPI with a refined document.

    It lists schemas that FastAPI can't derive from endpoints, has an example beside each body, and says of each
    operation whether it needs a key.
    """

    def __init__(self, **options: Any) -> None:
        self._further_schemas: dict[str, Any] = {}
        self._error_examples: dict[tuple[str, str], Mapping[int, Any]] = {}
        self._rendered, self._lock = b"", threading.Lock()
        super().__init__(license_info=LICENSE, contact=CONTACT, **options)

    def add_schemas(self, schemas: Mapping[str, Any]) -> None:
        """Add components to the document. Their references are those of `json_schemas`."""
        self._further_schemas |= schemas

    def add_error_examples(self, path: str, method: str, examples: Mapping[int, Any]) -> None:
        """Add the examples of an operation's errors, by status."""
        self._error_examples[path, method.lower()] = examples

    def setup(self) -> None:
        """Add the document's route. It is derived in a thread, since that takes half a second."""

        async def document(_: Request) -> Response:
            return Response(await run_in_threadpool(self._render), media_type="application/json")

        self.add_route(str(self.openapi_url), document, include_in_schema=False)

    def _render(self) -> bytes:
        """The document as JSON, derived once however many requests ask for it together."""
        with self._lock:
            self._rendered = self._rendered or bytes(JSONResponse(self.openapi()).body)
            return self._rendered

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            schemas = document["components"]["schemas"]
            for name in PHANTOMS:
                schemas.pop(name, None)
            schemas |= {name: schema for name, schema in self._further_schemas.items() if name not in schemas}
            document["security"] = []  # an operation that needs a key says so itself
            for operation in operations(document):
                _drop_phantom(operation)
                _add_examples(operation, schemas)
            for (path, method), examples in self._error_examples.items():  # not by FastAPI, which drops their nulls
                for status, named in examples.items():
                    (content,) = document["paths"][path][method]["responses"][str(status)]["content"].values()
                    content["examples"] = named
        return self.openapi_schema or {}


def json_schemas(schema: type[BaseModel]) -> dict[str, Any]:
    """The components of a schema, by name: its own and those that it refers to."""
    whole = schema.model_json_schema(ref_template=REF)
    return {**whole.pop("$defs", {}), schema.__name__: whole}


def operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        yield from (item[method] for method in METHODS if method in item)


def _drop_phantom(operation: dict[str, Any]) -> None:
    """Drop the 422 that FastAPI adds to each operation with a parameter."""
    json = operation["responses"].get("422", {}).get("content", {}).get("application/json", {})
    if json.get("schema") == {"$ref": REF.format(model=PHANTOMS[0])}:
        del operation["responses"]["422"]


def _add_examples(operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """Add the examples of an operation: the first is that of its body's schema."""
    contents = operation.get("requestBody", {}).get("content", {}).values()
    names = [content["schema"].get("$ref", "").rpartition("/")[2] for content in contents]
    add_examples(
        operation, next((schemas[name]["examples"][0] for name in names if "examples" in schemas.get(name, ())), None)
    )
