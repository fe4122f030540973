"""Seeds of other services' clients have 63 bits, on every route; a reply's seed is the request's."""

from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.anyio
ROUTES: list[tuple[str, dict[str, Any], str]] = [
    ("/v1/completions", {"model": "language-en", "prompt": "the man", "max_tokens": 4}, ""),
    ("/hf/language-en/v1/completions", {"prompt": "the man", "max_tokens": 4}, ""),
    ("/v1/images/generations", {"prompt": "seven"}, ""),
    ("/v1/audio/speech", {"input": "three", "response_format": "wav"}, ""),
    ("/hf/language-en", {"inputs": "the man"}, "parameters"),
]  # fmt: skip


@pytest.mark.parametrize("seed", [2**53, 2**53 + 1, 2**63 - 1])
@pytest.mark.parametrize(("path", "body", "inside"), ROUTES)
async def test_of_63_bits(
    client_of_all_kinds: httpx.AsyncClient, path: str, body: dict[str, Any], inside: str, seed: int
) -> None:
    if path.endswith("speech"):
        models = (await client_of_all_kinds.get("/models")).json()["models"]
        (speaker,) = (model for model in models if model["kind"] == "speaker")
        body = {**body, "model": speaker["name"], "voice": speaker["voices"][0]}

    async def ask(seed: int) -> httpx.Response:
        seeded = {inside: {"seed": seed, "do_sample": True}} if inside else {"seed": seed}
        return await client_of_all_kinds.post(path, json=body | seeded)

    answers = [await ask(seed) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    contents = [comparable(answer) for answer in answers]
    assert contents[0] == contents[1]
    assert (await ask(2**63)).status_code in (400, 422)


def comparable(answer: httpx.Response) -> Any:
    if "json" not in answer.headers["content-type"]:
        return answer.content
    reply = answer.json()
    return reply if isinstance(reply, list) else reply.get("choices") or reply.get("data")
