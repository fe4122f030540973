"""Laws of the OpenAPI document, over all routes and schemas; tests/openapi generates clients from it and lints it."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.catalog.registry import Registry
from app.main import create_app
from app.settings import Settings

pytestmark = pytest.mark.anyio
OPEN, CLOSED = Settings(), Settings(api_keys="right")
PREFIXES = {
    "/v1/": "OpenAIError",
    "/hf/": "InferenceError",
    "/libretranslate/": "LibreTranslateError",
    "/v2": "InferError",
}
OF_BODIES = {"400", "409", "413", "415", "422"}


@pytest.fixture(scope="module", params=[OPEN, CLOSED], ids=["open", "closed"])
def document(request: pytest.FixtureRequest) -> Any:
    return create_app(request.param).openapi()


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [(path, method, operation) for path, item in document["paths"].items() for method, operation in item.items()]


def every_object(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from every_object(inner)


def accepts_null(schema: Any) -> bool:
    return {"type": "null"} in schema.get("anyOf", ())


def test_operation_ids_are_names_of_functions(document: Any) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids)) >= 19
    assert {"generate", "next_word_probs", "classify", "translate", "list_models", "show_model"} <= set(ids)
    for identifier in ids:
        words = identifier.split("_")
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", identifier)
        assert len(words) == len(set(words)), "it repeats itself"
        assert not {"get", "post"} & set(words), "it says the method"


def test_tags_are_declared_and_used(document: Any) -> None:
    used = {tag for _, _, operation in operations(document) for tag in operation["tags"]}
    assert [tag["name"] for tag in document["tags"] if tag["description"]] == list(dict.fromkeys(
        tag for _, _, operation in operations(document) for tag in operation["tags"]
    ))  # fmt: skip
    assert used == {tag["name"] for tag in document["tags"]}


def test_it_says_where_the_service_is_and_under_which_licence(document: Any) -> None:
    assert document["servers"][0]["url"] == "/"
    assert document["info"]["license"]["identifier"] == "Apache-2.0"


def test_errors_have_the_schema_of_their_family(document: Any) -> None:
    for path, _, operation in operations(document):
        family = next((name for prefix, name in PREFIXES.items() if path.startswith(prefix)), None)
        media_type = "application/json" if family else "application/problem+json"
        schema = {"$ref": f"#/components/schemas/{family or 'Problem'}"}
        errors = {status: reply for status, reply in operation["responses"].items() if status >= "400"}
        assert errors
        for reply in errors.values():
            assert reply["content"].keys() == {media_type}, path
            assert reply["content"][media_type]["schema"] == schema, path


def test_an_operation_without_a_body_has_no_errors_of_bodies(document: Any) -> None:
    for path, _, operation in operations(document):
        if "requestBody" not in operation:
            assert not OF_BODIES & set(operation["responses"]), path
        elif not path.startswith(tuple(PREFIXES)):
            assert {"413", "415", "422"} <= set(operation["responses"]), path
            takes_json = "application/json" in operation["requestBody"]["content"]
            assert ("400" in operation["responses"]) == takes_json, path


def first_of(examples: Any) -> Any:
    return next(iter(examples.values()))["value"]


def takes_file(schema: Any) -> bool:
    """Whether a field is a file's bytes, of which a document has no example."""
    fields = schema["properties"].values()
    return any(field.get("format") == "binary" or "contentMediaType" in field for field in fields)


def described(schema: Any, name: str) -> Iterator[tuple[str, str]]:
    """Each field of a schema and of those within it, with its description."""
    for part in every_object(schema):
        if part.get("type") == "object":
            for field, property_ in part.get("properties", {}).items():
                yield f"{name}.{field}", property_.get("description", "")


def test_every_field_and_parameter_has_a_description(document: Any) -> None:
    schemas = document["components"]["schemas"]
    fields = [field for name, schema in schemas.items() for field in described(schema, name)]
    for _, _, operation in operations(document):
        name = operation["operationId"]
        fields += described([operation.get("requestBody"), operation["responses"]], name)
        fields += [(f"{name}({one['name']})", one.get("description", "")) for one in operation.get("parameters", ())]
        assert operation["summary"], name
        assert operation["description"], name
    assert len(fields) > 500
    assert [field for field, description in fields if len(description.split()) < 2] == []


def test_bodies_are_components_with_an_example(document: Any) -> None:
    schemas = document["components"]["schemas"]
    for path, _, operation in operations(document):
        contents = operation.get("requestBody", {}).get("content", {})
        contents = {kind: content for kind, content in contents.items() if "$ref" in content["schema"]}  # no files
        names = [content["schema"]["$ref"].removeprefix("#/components/schemas/") for content in contents.values()]
        assert len(set(names)) == len(names), "a generated client tells types of bodies apart by their schemas"
        for name, content in zip(names, contents.values(), strict=True):
            if not takes_file(schemas[name]):
                assert first_of(content["examples"]) == schemas[name]["examples"][0], path


def test_schemas_are_ones_that_generators_take(document: Any) -> None:
    for schema in every_object(document):
        if accepts_null(schema):
            assert not isinstance(schema.get("default"), dict), schema
        if isinstance(schema.get("allOf"), list):
            assert schema["type"] == "object", schema
        if schema.get("type") == "array":
            assert "items" in schema, schema


def test_references_and_components_are_whole(document: Any) -> None:
    used = {part["$ref"] for part in every_object(document) if isinstance(part.get("$ref"), str)}
    assert used == {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}


async def test_it_says_which_operations_need_a_key(registry: Registry) -> None:
    app = create_app(CLOSED, registry)
    transport = httpx.ASGITransport(app=app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        document = (await client.get("/openapi.json")).json()
        assert document["security"] == []
        for path, method, operation in operations(document):
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            body = {"json": first_of(content["examples"])} if content else {}
            response = await client.request(method, path.format(name="language-en", model="language-en"), **body)
            assert (response.status_code == 401) == bool(operation.get("security")), path
            assert str(response.status_code) in operation["responses"], path
