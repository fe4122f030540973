"""The examples of the OpenAPI document are requests and replies of the shipped models."""

import json
import re
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from jsonschema_rs import Draft202012Validator

from app.catalog.loading import Choice, load_models
from app.catalog.registry import Registry
from app.errors import DeadlineExceeded
from app.http.contract import JSON, PROBLEM_JSON
from app.http.examples import Example, replies_to
from app.http.schemas.families import FAMILIES
from app.main import create_app
from app.settings import Settings
from models.sound import write_sound
from tests.api.record_examples import CHECKPOINTS, all_examples, answer, documented, shipped_models
from tests.api.test_readme import about
from tests.conftest import Serve
from tests.raw import exchange

pytestmark = pytest.mark.anyio
DOCUMENT: Any = create_app(Settings()).openapi()
EXAMPLES = all_examples(DOCUMENT)
OPERATIONS = {operation["operationId"]: operation for item in DOCUMENT["paths"].values() for operation in item.values()}
FILES = {"speak", "openai_speech"}
"""Operations that reply with a file only."""
TEXTS = {"show_metrics"}
CHANGING = {"created", "updated", "version", "model_version", "checksum"}
"""Fields that hold a time, or change with a model's training."""
PROBLEMS = [
    (path, method, status, reply["content"][PROBLEM_JSON])
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    for status, reply in operation["responses"].items()
    if PROBLEM_JSON in reply.get("content", {})
]
"""The documented errors of the native routes."""
BODIES: dict[str, Any] = {}
"""By the paths of native routes that take JSON: the body of their first example."""
for _, path, _, one in EXAMPLES:
    if isinstance(one.body, dict) and path in {path for path, *_ in PROBLEMS}:
        BODIES.setdefault(path, one.body)


@pytest.fixture(scope="module")
def shipped() -> Registry:
    return load_models(Choice(CHECKPOINTS), torch.device("cpu"))


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


def problem_of(path: str, status: int) -> Any:
    """The documented problem of a route that takes a body."""
    return next(content for *entry, content in PROBLEMS if entry == [path, "post", str(status)])["examples"]["problem"]


def without_numbers(value: Any) -> Any:
    """An error as it is for any limits, texts and models."""
    names = re.sub(r"there are [^\"]+", "there are …", json.dumps(value))
    return json.loads(re.sub(r"(?<!\w)[\d.]+", "0", names))


def test_each_problem_has_an_example() -> None:
    assert {path for path, *_ in PROBLEMS} > BODIES.keys() > {"/generate", "/classify", "/translate"}
    for path, _, status, content in PROBLEMS:
        (example,) = content["examples"].values()
        assert str(example["value"]["status"]) == status
        assert example["value"]["instance"] in (path, "")
        assert example["summary"] == example["value"]["title"]


@pytest.mark.parametrize(
    ("path", "status", "wrong"),
    [
        *((path, status, {"model": model}) for path in BODIES if path != "/train"
          for status, model in ((404, "nothing"), (422, "x" * 300))),
        ("/train", 422, {"steps": 300}),
    ],
)  # fmt: skip
async def test_the_example_of_a_wrong_field_is_what_is_answered(
    client: httpx.AsyncClient, path: str, status: int, wrong: dict[str, Any]
) -> None:
    response = await client.post(path, json=BODIES[path] | wrong)
    assert response.status_code == status, response.text
    assert without_numbers(response.json()) == without_numbers(problem_of(path, status)["value"])


GENERATE = json.dumps({"prompt": "the man", "model": "language-en", "max_new_tokens": 8, "seed": 1})
JSON_TYPE = {"content-type": "application/json"}


async def test_the_example_of_what_is_off_is_what_is_answered(registry: Registry) -> None:
    app = create_app(Settings(), registry)
    transport = httpx.ASGITransport(app=app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://test") as own:
        response = await own.post("/train", json=BODIES["/train"])
    assert (response.status_code, response.headers["content-type"]) == (403, PROBLEM_JSON)
    assert response.json() == problem_of("/train", 403)["value"]


@pytest.mark.parametrize(
    ("status", "settings", "content", "headers"),
    [
        (400, {}, '{"prompt": "the" "man"}', JSON_TYPE),
        (401, {"api_keys": "right"}, GENERATE, JSON_TYPE),
        (409, {}, json.dumps({"prompt": "the man", "model": "language-en", "state": "altered"}), JSON_TYPE),
        (413, {"max_body_bytes": 1024}, GENERATE.ljust(1025), JSON_TYPE),
        (415, {}, GENERATE, {"content-type": "text/plain"}),
        (429, {"rate_limit": "12/hour"}, GENERATE, JSON_TYPE),
        (503, {}, GENERATE, JSON_TYPE),
    ],
)
async def test_the_example_of_a_refusal_is_what_is_answered(
    registry: Registry, status: int, settings: dict[str, Any], content: str, headers: dict[str, str]
) -> None:
    app = create_app(Settings(**settings), registry)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://test") as own:
        if status == 503:
            app.state.engine.stop(1)
        if status == 429:
            await own.post("/generate", content=content, headers=headers)
        response = await own.post("/generate", content=content, headers=headers)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM_JSON
    assert without_numbers(response.json()) == without_numbers(problem_of("/generate", status)["value"])


FOREIGN = [
    (path, method, int(status), example["value"], int(name.partition("_")[2] or status))
    for path, item in DOCUMENT["paths"].items()
    if path.startswith(tuple(f"{family.prefix}" for family in FAMILIES))
    for method, operation in item.items()
    for status, reply in operation["responses"].items()
    if status >= "400"
    for name, example in reply["content"][JSON].get("examples", {}).items()
]
"""The examples of errors of other services' APIs: path, method, status, what is answered, and the native status."""
WRONG: dict[str, dict[str, Any]] = {
    "/hf/{model}": {"inputs": None},
    "/hf/{model}/v1/completions": {"max_tokens": -5},
    "/hf/{model}/tokenize": {"text": None},
    "/hf/{model}/detokenize": {"tokens": None},
    "/libretranslate/translate": {"q": None},
    "/libretranslate/detect": {"q": None},
    "/v2/models/{model}/infer": {"inputs": None},
}
"""By path: a field of the example's body with a wrong value, None where it is left out; by default model, too long."""
KEY = {"api_keys": "right"}
LIMITED = KEY | {"rate_limit": "1/hour"}
SETTINGS: dict[int, dict[str, Any]] = {401: KEY, 429: LIMITED, 413: {"max_body_bytes": 1024}}
SILENCE = write_sound(np.zeros(8000, dtype=np.float32), 8000)


class Late:
    """An engine that has no time for any job."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def submit(self, *_: Any) -> Any:
        raise DeadlineExceeded("no answer within 60 s")


def request_of(path: str, method: str, native: int) -> dict[str, Any]:
    """httpx's arguments for a request to which a route answers with the error of a native status."""
    one = next(example for *operation, _, example in EXAMPLES if operation == [method, path])
    lost = native == 404
    address = path.format(**{**one.path, **({"model": "nothing"} if lost else {})})
    if method == "get":
        return {"method": method, "url": address}
    fields: dict[str, Any] = dict(one.body or one.form)
    if lost and "model" in fields:
        fields["model"] = "nothing"
    if lost and "source" in fields:
        fields["source"] = "xx"
    if lost and path.startswith("/v1/"):
        fields["model"] = "nothing"
    if native == 422:
        fields |= WRONG.get(path, {"model": "x" * 300})
        fields = {name: value for name, value in fields.items() if value is not None}
    if one.spoken and native != 415:
        return {"method": method, "url": address, "files": {"file": ("words.wav", SILENCE)}, "data": fields}
    content = '{"model": "the" "man"}' if native == 400 else json.dumps(fields).ljust(1025 if native == 413 else 0)
    headers = {"content-type": "text/plain"} if native == 415 else JSON_TYPE
    return {"method": method, "url": address, "content": content, "headers": headers}


def test_each_error_of_another_services_api_has_an_example() -> None:
    declared = {
        (path, method, int(status))
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        for status, reply in operation["responses"].items()
        if status >= "400" and PROBLEM_JSON not in reply["content"]
    }
    assert declared == {(path, method, status) for path, method, status, *_ in FOREIGN}
    assert len(declared) > 100


@pytest.mark.parametrize("native", sorted({native for *_, native in FOREIGN} - {431}))
async def test_the_example_of_another_services_error_is_what_is_answered(shipped: Registry, native: int) -> None:
    """On each route, in the format of its API."""
    cases = [(path, method, status, value) for path, method, status, value, own in FOREIGN if own == native]
    app = create_app(Settings(**SETTINGS.get(native, {})), shipped)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://test") as own:
        engine = app.state.engine
        if native == 503:
            engine.stop(1)
        if native == 504:
            app.state.engine = Late(engine)
        if native == 429:
            await own.get("/v1/models")
        for path, method, status, value in cases:
            if (path, native) == ("/libretranslate/detect", 404):
                app.state.engine = SimpleNamespace(registry=Registry([], shipped.device))
            response = await own.request(**request_of(path, method, native))
            app.state.engine = app.state.engine if native == 504 else engine
            assert response.status_code == status, (path, response.text)
            assert response.headers["content-type"] == JSON, path
            assert without_numbers(response.json()) == without_numbers(value), path
        app.state.engine = engine


def test_the_example_of_a_large_header_is_what_is_answered(serve: Serve) -> None:
    live = serve(allowed_hosts=("*",))
    cases = [(path, status, value) for path, _, status, value, native in FOREIGN if native == 431]
    assert cases
    for path, status, value in cases:
        head = b"GET %b HTTP/1.1\r\nhost: a\r\nlong: %b\r\n\r\n" % (path.encode(), b"x" * 100_000)
        first, _, body = exchange(live, head).partition(b"\r\n\r\n")
        assert first.startswith(b"HTTP/1.1 %d " % status), path
        assert json.loads(body) == value, path
