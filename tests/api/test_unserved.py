"""What is not served is a 404 that says what there is: addresses, and models that a route can use."""

import re
from typing import Any

import httpx
import pytest

from app.catalog.registry import Registry
from app.http.routing import ROUTES
from tests.sounds import file_of, tone

pytestmark = pytest.mark.anyio
OPENAI = """
POST chat/completions, POST responses, POST embeddings, POST moderations, POST images/edits, POST images/variations
POST audio/translations, GET files, POST files, GET files/x, DELETE files/x, POST uploads, GET assistants
POST assistants, POST threads, POST threads/runs, GET batches, POST batches, GET fine_tuning/jobs, POST fine_tuning/jobs
POST vector_stores, POST realtime/sessions, POST evals, POST containers, POST conversations, POST edits, GET engines
POST engines/language-en/completions, POST rerank, GET responses/x, GET organization/usage/completions, POST messages
"""
PREFIXES = sorted({group.prefix for group in ROUTES if group.prefix})


def message_of(answer: httpx.Response) -> str:
    """The one line of an error, whatever the family."""
    body = answer.json()
    error = body.get("error", body.get("detail"))
    return str(error["message"] if isinstance(error, dict) else error)


@pytest.mark.parametrize("request_line", re.split(r",\s|\n", OPENAI.strip()))
async def test_what_openai_has_and_this_does_not(client: httpx.AsyncClient, request_line: str) -> None:
    method, path = request_line.split()
    answer = await client.request(method, f"/v1/{path}", json={} if method == "POST" else None)
    assert answer.status_code == 404
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert "POST /v1/completions" in message_of(answer)


@pytest.mark.parametrize(
    "path", ["", "/", "/not/any", "/models/language-en/versions/1/infer", "/x/v1/models", "/x/%00"]
)
@pytest.mark.parametrize("prefix", PREFIXES)
async def test_a_family_lists_its_addresses(client: httpx.AsyncClient, prefix: str, path: str) -> None:
    answer = await client.get(f"{prefix}{path}", follow_redirects=True)
    if answer.status_code == 200:
        assert (prefix, path.strip("/")) == ("/v2", "")
        return
    assert answer.status_code == 404
    assert "error" in answer.json(), "in the family's shape, at its prefix too"
    listed = re.findall(r"(?:GET|POST) (\S+?)(?:,|$)", message_of(answer))
    document = (await client.get("/openapi.json")).json()
    assert set(listed) == {path for path in document["paths"] if path.startswith(prefix)}


@pytest.mark.parametrize("path", ["/completions", "/chat/completions", "/v1x", "/v2x", "/hfx/a", "/api/generate"])
async def test_elsewhere_is_a_problem_that_names_the_document(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.post(path, json={})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "/docs" in message_of(answer)


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/next_word_probs", "POST /next-word-probs"),
        ("/Generate", "POST /generate"),
        ("/tanslate", "POST /translate"),
        ("/completions", "POST /v1/completions"),
        ("/languages", "GET /libretranslate/languages"),
    ],
)
async def test_elsewhere_names_the_nearest_address(client: httpx.AsyncClient, path: str, meant: str) -> None:
    answer = await client.post(path, json={})
    assert answer.status_code == 404
    assert f"did you mean {meant}?" in message_of(answer)


TENSORS = {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["seven"]}]}
SOUND = file_of(tone(0.3))
FILE: dict[str, Any] = {"content": SOUND, "headers": {"content-type": "audio/wav"}}
BY_FIELD: list[tuple[str, dict[str, Any]]] = [
    ("/generate", {"prompt": "seven"}), ("/next-word-probs", {"text": "seven"}), ("/classify", {"text": "seven"}),
    ("/translate", {"text": "seven"}), ("/summarize", {"text": "seven"}), ("/inspect", {"text": "seven"}),
    ("/draw", {"prompt": "seven"}), ("/speak", {"text": "seven"}), ("/tokenize", {"text": "seven"}),
    ("/tokenize", {"prompt": "seven"}), ("/detokenize", {"tokens": [1]}), ("/vectorize", {"text": ["seven"]}),
    ("/v1/completions", {"prompt": "seven", "max_tokens": 1}), ("/v1/images/generations", {"prompt": "seven"}),
    ("/v1/audio/speech", {"input": "seven", "voice": "a"}),
]  # fmt: skip
BY_FORM = ["/v1/audio/transcriptions", "/transcribe"]
BY_ADDRESS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/models/{}", {}), ("GET", "/v1/models/{}", {}), ("GET", "/v2/models/{}", {}),
    ("GET", "/v2/models/{}/ready", {}), ("POST", "/v2/models/{}/infer", {"json": TENSORS}),
    ("POST", "/hf/{}", {"json": {"inputs": "seven"}}), ("POST", "/hf/{}", FILE),
    ("POST", "/hf/{}/v1/completions", {"json": {"prompt": "seven", "max_tokens": 1}}),
    ("POST", "/hf/{}/tokenize", {"json": {"prompt": "seven"}}),
    ("POST", "/hf/{}/detokenize", {"json": {"tokens": [1]}}),
    ("GET", "/hf/{}/tokenizer_info", {}),
]  # fmt: skip
NAMED: list[tuple[str, str, dict[str, Any]]] = [
    *(("POST", path, {"json": body}) for path, body in BY_FIELD),
    *(("POST", path, {"files": {"file": ("a.wav", SOUND)}}) for path in BY_FORM),
    *BY_ADDRESS,
]


@pytest.mark.parametrize(("method", "path", "rest"), NAMED)
async def test_no_such_model_lists_those_that_the_route_can_use(
    client_of_all_kinds: httpx.AsyncClient, all_kinds: Registry, method: str, path: str, rest: dict[str, Any]
) -> None:
    """The law: those in the list, and no others, are not refused for their kind."""

    async def ask(model: str) -> httpx.Response:
        more = dict(rest)
        if "json" in more and "{}" not in path:
            more["json"] = {**more["json"], "model": model}
        if "files" in more:
            more["data"] = {"model": model}
        return await client_of_all_kinds.request(method, path.format(model), **more)

    missing = await ask("none-such")
    assert missing.status_code == 404
    (_, listed) = message_of(missing).split("no such model; there are ")
    for model in all_kinds.models:
        answer = await ask(model)
        is_refused = answer.status_code in (404, 415, 422) and (
            answer.status_code == 415 or "of the kind" in answer.text
        )
        assert is_refused == (model not in listed.split(", ")), (model, answer.status_code, answer.text[:200])
