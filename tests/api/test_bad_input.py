"""Invalid input gets a problem document that names the field and the limit and echoes no input; never a 500."""

import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.anyio

VALID = {
    "/generate": {"prompt": "the man", "model": "language-en"},
    "/next-word-probs": {"text": "the man", "model": "language-en"},
    "/classify": {"text": "a good film", "model": "sentiment-en"},
    "/translate": {"text": "a good film", "source": "en", "target": "tr"},
    "/inspect": {"text": "the man", "model": "language-en"},
    "/tokenize": {"text": "the man", "model": "language-en"},
    "/vectorize": {"text": "the man"},
}
TEXT = {"/generate": "prompt"}
LIMIT = {
    "/generate": 500, "/next-word-probs": 500, "/classify": 400, "/translate": 300, "/inspect": 300, "/tokenize": 500,
    "/vectorize": 300,
}  # fmt: skip
FIRST = dict.fromkeys(LIMIT, "language-en") | {"/classify": "sentiment-en", "/translate": "translation-en-tr"}
"""Of the models that a route can use."""
MARK = "xyzzy"  # part of every invalid text; no response may contain it


def check(response: httpx.Response, status: int, pointer: str | None = None, detail: str = "") -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert set(problem) == {"type", "title", "status", "detail", "instance", "errors"}
    assert problem["status"] == status
    assert MARK not in response.text
    if pointer is not None:
        found = {error["pointer"]: error["detail"] for error in problem["errors"]}
        assert pointer in found, problem
        assert detail in found[pointer]


@pytest.mark.parametrize("path", VALID)
class TestEveryRoute:
    def field(self, path: str) -> str:
        return TEXT.get(path, "text")

    async def test_the_valid_one_is_valid(self, client: httpx.AsyncClient, path: str) -> None:
        assert (await client.post(path, json=VALID[path])).status_code == 200

    async def test_missing(self, client: httpx.AsyncClient, path: str) -> None:
        body = {key: value for key, value in VALID[path].items() if key != self.field(path)}
        check(await client.post(path, json=body), 422, f"/{self.field(path)}", "required")

    @pytest.mark.parametrize("value", [None, 7, True, {"a": MARK}, [[MARK]], [7]])
    async def test_wrong_type(self, client: httpx.AsyncClient, path: str, value: object) -> None:
        response = await client.post(path, json=VALID[path] | {self.field(path): value})
        check(response, 422)
        assert response.json()["errors"][0]["pointer"].startswith(f"/{self.field(path)}")

    async def test_too_long(self, client: httpx.AsyncClient, path: str) -> None:
        text = MARK * 200
        response = await client.post(path, json=VALID[path] | {self.field(path): text})
        check(response, 422, f"/{self.field(path)}", f"at most {LIMIT[path]} characters; given: 1000")

    async def test_empty(self, client: httpx.AsyncClient, path: str) -> None:
        check(await client.post(path, json=VALID[path] | {self.field(path): ""}), 422, f"/{self.field(path)}")

    async def test_lone_surrogate(self, client: httpx.AsyncClient, path: str) -> None:
        body = json.dumps(VALID[path] | {self.field(path): MARK + "\ud800"})
        response = await client.post(path, content=body, headers={"content-type": "application/json"})
        check(response, 422, f"/{self.field(path)}", "unicode")

    async def test_unknown_model(self, client: httpx.AsyncClient, path: str) -> None:
        response = await client.post(path, json=VALID[path] | {"model": MARK})
        check(response, 404, "/model", f"no such model; there are {FIRST[path]}")

    async def test_unknown_field(self, client: httpx.AsyncClient, path: str) -> None:
        check(await client.post(path, json=VALID[path] | {"temprature": 1}), 422, "/temprature", "no such field; ")

    async def test_unknown_field_with_a_hostile_name(self, client: httpx.AsyncClient, path: str) -> None:
        body = json.dumps(VALID[path] | {"\ud800" + "n" * 5000: 1})
        response = await client.post(path, content=body, headers={"content-type": "application/json"})
        check(response, 422)
        assert len(response.content) < 1000

    @pytest.mark.parametrize(
        ("content", "status"),
        [
            (b"", 422), (b"{", 400), (b"[]", 422), (b"null", 422), (b'"text"', 422), (b"\xff\xfe", 400),
            (b"[" * 5000, 400), (b'{"prompt": ' + b"9" * 5000 + b"}", 400),
        ],
    )  # fmt: skip
    async def test_no_json_object(self, client: httpx.AsyncClient, path: str, content: bytes, status: int) -> None:
        check(await client.post(path, content=content, headers={"content-type": "application/json"}), status)

    async def test_a_body_that_is_too_large(self, client: httpx.AsyncClient, path: str) -> None:
        content = json.dumps(VALID[path] | {self.field(path): MARK * 10_000})
        response = await client.post(path, content=content, headers={"content-type": "application/json"})
        check(response, 413)
        assert "at most 20000 bytes" in response.json()["detail"]

    async def test_wrong_method_and_form(self, client: httpx.AsyncClient, path: str) -> None:
        wrong = await client.get(path)
        check(wrong, 405)
        assert wrong.json()["detail"] == "this address does not take this method; it takes POST"
        check(await client.post(path, data={"text": MARK}), 415)


@pytest.mark.parametrize(
    ("path", "change", "pointer", "detail"),
    [
        ("/generate", {"max_new_tokens": 41}, "/max_new_tokens", "less than or equal to 40; given: 41"),
        ("/generate", {"max_new_tokens": 0}, "/max_new_tokens", "greater than or equal to 1; given: 0"),
        ("/generate", {"max_new_tokens": 2.5}, "/max_new_tokens", "integer"),
        ("/generate", {"max_new_tokens": "5"}, "/max_new_tokens", "integer"),
        ("/generate", {"max_new_tokens": 10**30}, "/max_new_tokens", "less than or equal to 40"),
        ("/generate", {"max_new_tokens": 10**400}, "/max_new_tokens", ""),
        ("/generate", {"temperature": -(10**400)}, "/temperature", ""),
        ("/classify", {"text": 10**400}, "/text", "string"),
        ("/generate", {"temperature": -0.1}, "/temperature", "greater than or equal to 0; given: -0.1"),
        ("/generate", {"temperature": float("nan")}, "/temperature", "finite"),
        ("/generate", {"temperature": float("inf")}, "/temperature", "finite"),
        ("/generate", {"top_p": 0}, "/top_p", "greater than 0"),
        ("/generate", {"top_k": 0}, "/top_k", "greater than or equal to 1"),
        ("/generate", {"n": 5}, "/n", "less than or equal to 4"),
        ("/generate", {"seed": -1}, "/seed", "greater than or equal to 0"),
        ("/generate", {"seed": 2**63}, "/seed", "less than"),
        ("/generate", {"stop": [""]}, "/stop/0", "at least 1 character"),
        ("/generate", {"stop": ["a"] * 17}, "/stop", "at most 16 items; given: 17"),
        ("/generate", {"prompt": " \n "}, "/prompt", "white space"),
        ("/generate", {"model": "sentiment-en"}, "/model", "of the kind classifier; this needs a language"),
        ("/generate", {"best_of": 2}, "/best_of", "no such field; there are language, "),
        ("/generate", {"max_tokens": 2}, "/max_tokens", "no such field; did you mean max_new_tokens?"),
        ("/translate", {"target_lang": "TR"}, "/target_lang", "no such field; did you mean target?"),
        ("/next-word-probs", {"top": 101}, "/top", "less than or equal to 100"),
        ("/next-word-probs", {"unit": "sentence"}, "/unit", "'word' or 'token'"),
        ("/next-word-probs", {"candidates": ["two words"]}, "/candidates/0", "one word"),
        ("/next-word-probs", {"candidates": []}, "/candidates", "at least 1 item; given: 0"),
        ("/next-word-probs", {"unit": "token", "partial": True}, "", "unit 'word' only"),
        ("/next-word-probs", {"slips": True}, "", "slips go with partial"),
        ("/next-word-probs", {"slips": True, "partial": True, "candidates": ["dog"]}, "", "without candidates"),
        ("/next-word-probs", {"slips": True, "partial": True, "layout": "dvorak"}, "/layout", "'turkish-f'"),
        ("/next-word-probs", {"whole_word": True, "partial": True}, "", "whole_word goes with slips"),
        ("/next-word-probs", {"whole_word": 1, "partial": True, "slips": True}, "/whole_word", "boolean"),
        ("/classify", {"text": ["a"] * 5}, "/text", "at most 4 items; given: 5"),
        ("/classify", {"text": []}, "/text", "at least 1 item; given: 0"),
        ("/classify", {"text": ["a", " "]}, "/text/1", "white space"),
        ("/classify", {"explain": 1}, "/explain", "boolean"),
        ("/translate", {"target": "fr"}, "/target", "no model translates to that language; there are en, tr"),
        ("/translate", {"source": "fr"}, "/source", "no model translates from that language; there are en"),
        ("/translate", {"beam_size": 17}, "/beam_size", "less than or equal to 16; given: 17"),
        ("/translate", {"length_penalty": float("nan")}, "/length_penalty", "finite"),
        ("/translate", {"source": "auto", "text": "Der Hund läuft schnell durch den dunklen Wald"}, "/text", "'de'"),
    ],
)
async def test_limits(client: httpx.AsyncClient, path: str, change: dict, pointer: str, detail: str) -> None:
    content = json.dumps(VALID[path] | change)
    response = await client.post(path, content=content, headers={"content-type": "application/json"})
    no_such_model = any(words in detail for words in ("no model", "of the kind", "'de'", "already"))
    check(response, 404 if no_such_model else 422, pointer, detail)


async def test_the_detail_says_all_that_is_wrong(client: httpx.AsyncClient) -> None:
    check(wrong := await client.post("/classify", json={"texts": "a", "explain": 1}), 422)
    errors = {error["pointer"]: error["detail"] for error in wrong.json()["errors"]}
    assert errors["/texts"] == "no such field; did you mean text?"
    assert set(errors) == {"/text", "/texts", "/explain"}
    assert wrong.json()["detail"] == "; ".join(f"{pointer}: {detail}" for pointer, detail in errors.items())


async def test_an_empty_body(client: httpx.AsyncClient) -> None:
    empty = await client.post("/generate", content=b"", headers={"content-type": "application/json"})
    check(empty, 422, "", "it is empty; send a JSON object")


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from([1e-300, 2**63, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["prompt", "text", "temperature", "top_k", "top_p", "repetition_penalty", "stop", "n", "logprobs", "seed", "top",
     "unit", "partial", "candidates", "explain", "source", "target", "beam_size", "alternatives", "attention"]
)  # fmt: skip


@given(path=st.sampled_from(sorted(VALID)), change=st.dictionaries(NAMES, ANYTHING, max_size=3))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_nothing_is_a_500(client: httpx.AsyncClient, path: str, change: dict) -> None:
    content = json.dumps(VALID[path] | change)
    response = await client.post(path, content=content, headers={"content-type": "application/json"})
    assert response.status_code in (200, 422), response.text


async def test_unknown_places(client: httpx.AsyncClient) -> None:
    check(await client.get(f"/{MARK[:3]}"), 404)
    check(await client.get("/models/none"), 404, "/model", "no such model")


@pytest.mark.parametrize("depth", [3, 700, 3000])
async def test_what_is_nested_deeply_is_no_error_of_ours(client: httpx.AsyncClient, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    headers = {"content-type": "application/json"}
    for path, body in (
        ("/generate", f'{{"prompt": "a", "stop": {nested}}}'),
        ("/v1/completions", f'{{"model": "language-en", "prompt": {nested}}}'),
        ("/hf/language-en", f'{{"inputs": "a", "parameters": {{"stop": {nested}}}}}'),
        ("/libretranslate/translate", f'{{"q": {nested}, "source": "en", "target": "tr"}}'),
    ):
        response = await client.post(path, content=body, headers=headers)
        assert response.status_code in (400, 422), response.text


@pytest.mark.parametrize("temperature", [1e-300, 1e-39, 1e-7])
async def test_a_temperature_near_zero_is_zero(client: httpx.AsyncClient, temperature: float) -> None:
    body = {"prompt": "the man", "model": "language-en", "max_new_tokens": 8}
    texts = [
        (await client.post("/generate", json=body | {"temperature": t})).json()["choices"] for t in (temperature, 0)
    ]
    assert texts[0] == texts[1]
    assert texts[0][0]["text"]


@pytest.mark.parametrize("text", ["\x1c", "\x1f \x1e", "\x85", "\u180e"])
async def test_what_only_some_take_for_white_space(client: httpx.AsyncClient, text: str) -> None:
    """JSON Schema and Python define white space differently; such a text is accepted."""
    for path, valid in VALID.items():
        body = valid | {TEXT.get(path, "text"): text}
        if path == "/translate":
            body |= {"source": "en"}
        response = await client.post(path, json=body)
        assert response.status_code == 200, (path, response.text)
