"""A null for an optional field means left out: on every route, and in every schema of a request."""

from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from app.http.schemas.base import NullsLeftOut
from app.http.schemas.limits import LIMITS, limited
from app.main import create_app
from app.settings import Settings

VOLATILE = {"id", "created"}


def filled(path: str) -> str:
    """The address of a path; of a model that answers alike without a seed, where the body has no field for one."""
    return path.format(model="sentiment-en" if path.startswith("/v2") else "language-en")


def bodies() -> dict[str, dict[str, Any]]:
    """The JSON schema of each route's body, by its path."""
    document = create_app(Settings()).openapi()
    found = {}
    for path, methods in document["paths"].items():
        body = methods.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json")
        if body:
            schema = body["schema"]
            while "$ref" in schema:
                schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
            found[path] = schema
    return found


def optional_fields(schema: dict[str, Any]) -> list[str]:
    return [name for name in schema["properties"] if name not in schema.get("required", ())]


BODIES = bodies()
FIELDS = [(path, name) for path, schema in BODIES.items() for name in optional_fields(schema)]


def test_there_are_all() -> None:
    assert len(BODIES) >= 11
    assert ("/generate", "stop") in FIELDS


@pytest.mark.anyio
@pytest.mark.parametrize(("path", "name"), FIELDS)
async def test_on_every_route(client: httpx.AsyncClient, path: str, name: str) -> None:
    body = {**BODIES[path]["examples"][0], **({"seed": 1} if "seed" in BODIES[path]["properties"] else {})}
    left_out = {key: value for key, value in body.items() if key != name}
    url = filled(path)
    expected = await client.post(url, json=left_out)
    answer = await client.post(url, json=left_out | {name: None})
    assert answer.status_code == expected.status_code, answer.text
    if name != "seed":  # without one, each request has another
        assert comparable(answer.json()) == comparable(expected.json())


@pytest.mark.anyio
async def test_all_at_once(client_of_all_kinds: httpx.AsyncClient) -> None:
    for path, schema in BODIES.items():
        example = schema["examples"][0]
        nulls = {name: None for name in optional_fields(schema) if name not in example}
        answer = await client_of_all_kinds.post(filled(path), json=example | nulls)
        assert answer.status_code == 200, (path, answer.text)


@pytest.mark.parametrize("schema", LIMITS, ids=lambda schema: schema.__name__)
def test_in_every_schema(schema: type[BaseModel]) -> None:
    """Also in those that a route nests, with the limits and without."""
    for one in (schema, limited(schema, Settings())):
        assert issubclass(one, NullsLeftOut)
        properties = one.model_json_schema()["properties"]
        for name, field in one.model_fields.items():
            if not field.is_required():
                assert {"type": "null"} in properties[name]["anyOf"]
                assert NullsLeftOut._without_nulls.__func__(one, {name: None}) == {}


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["text", "nothing"])
async def test_what_is_required_or_unknown_is_not_left_out(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.post("/classify", json={"text": "good"} | {name: None})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{name}"


def comparable(reply: Any) -> Any:
    return {key: value for key, value in reply.items() if key not in VOLATILE} if isinstance(reply, dict) else reply
