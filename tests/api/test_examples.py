"""The examples of the OpenAPI document are requests and replies of the shipped models."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from jsonschema_rs import Draft202012Validator

from app.http.examples import Example, replies_to
from app.main import create_app
from app.settings import Settings
from tests.api.record_examples import all_examples, answer, documented, shipped_models
from tests.api.test_readme import about

pytestmark = pytest.mark.anyio
DOCUMENT: Any = create_app(Settings()).openapi()
EXAMPLES = all_examples(DOCUMENT)
OPERATIONS = {operation["operationId"]: operation for item in DOCUMENT["paths"].values() for operation in item.values()}
FILES = {"speak", "openai_speech"}
"""Operations that reply with a file only."""
TEXTS = {"show_metrics"}
CHANGING = {"created", "updated", "version", "model_version", "checksum"}
"""Fields that hold a time, or change with a model's training."""


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with shipped_models() as client:
        yield client


def stable(value: Any) -> Any:
    """A documented value that can be compared: without times and ids of requests, the data of events as JSON."""
    if isinstance(value, list):
        return [stable(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("data"), str) and value["data"].startswith("{"):
        value = value | {"data": json.loads(value["data"])}
    named = isinstance(value.get("id"), str) and value["id"].startswith("cmpl-")
    left_out = CHANGING | ({"id"} if named or "event" in value else set())
    return {key: stable(entry) for key, entry in value.items() if key not in left_out}


@pytest.mark.parametrize(
    ("method", "path", "identifier", "example"),
    [pytest.param(*entry, id=f"{entry[2]}-{entry[3].name}") for entry in EXAMPLES],
)
async def test_a_reply_is_what_the_shipped_models_answer(
    client: httpx.AsyncClient, method: str, path: str, identifier: str, example: Example
) -> None:
    response = await answer(client, method, path, example)
    assert response.status_code == 200, response.text
    reply = documented(identifier, example, response)
    assert (reply is None) == (identifier in FILES)
    assert stable(reply) == about(stable(replies_to(identifier).get(example.name)))


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_examples_fit_their_schemas(operation: Any) -> None:
    contents = list(operation.get("requestBody", {}).get("content", {}).values())
    contents += [content for reply in operation["responses"].values() for content in reply.get("content", {}).values()]
    for content in [*contents, *operation.get("parameters", ())]:
        validator = Draft202012Validator({"components": DOCUMENT["components"], **content["schema"]})
        for example in content.get("examples", {}).values():
            validator.validate(example["value"])


def test_there_are_examples_of_all_that_json_can_say() -> None:
    assert {identifier for _, _, identifier, _ in EXAMPLES} == OPERATIONS.keys() - TEXTS
    for identifier, operation in OPERATIONS.items():
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            assert media_type != "application/json" or content["examples"], identifier
        for media_type, content in operation["responses"]["200"].get("content", {}).items():
            is_text = media_type in ("application/json", "text/event-stream")
            assert not is_text or content["examples"], (identifier, media_type)
        for parameter in operation.get("parameters", ()):
            assert parameter["in"] != "path" or parameter["examples"], identifier
    for identifier in ("generate", "next_word_probs", "classify", "translate", "openai_completions"):
        content = OPERATIONS[identifier]["requestBody"]["content"]["application/json"]
        assert len(content["examples"]) > 2, identifier
