"""On every route that generates, no text ends before it has a visible character."""

import json

import httpx
import pytest
import torch

from app.catalog.registry import Registry
from models.text.tokenizers import SubwordTokenizer
from tests.engine.test_endings import KINDS, is_visible, saved

pytestmark = pytest.mark.anyio
MODEL = "language-0"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, tokenizer: SubwordTokenizer) -> Registry:
    """A model that likes to end its texts at once."""
    return Registry([saved(tmp_path_factory.mktemp("endings") / MODEL, KINDS[0], tokenizer)], torch.device("cpu"))


@pytest.mark.parametrize("temperature", [0.5, 1.0])
@pytest.mark.parametrize("prompt", ["the man", "a good film ", "x"])
async def test_on_every_route(client: httpx.AsyncClient, prompt: str, temperature: float) -> None:
    ended = 0
    for seed in range(4):
        native = {"model": MODEL, "prompt": prompt, "temperature": temperature, "seed": seed, "max_new_tokens": 20}
        plain = (await client.post("/generate", json=native)).json()["choices"][0]
        lines = (await client.post("/generate", json=native | {"stream": True})).text.splitlines()
        events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
        openai = {"model": MODEL, "prompt": prompt, "temperature": temperature, "seed": seed, "max_tokens": 20}
        completion = (await client.post("/v1/completions", json=openai)).json()["choices"][0]
        echoed = (await client.post("/v1/completions", json=openai | {"echo": True, "logprobs": 2})).json()["choices"][
            0
        ]
        parameters = {"temperature": temperature, "seed": seed, "max_new_tokens": 20, "return_full_text": False}
        body = {"inputs": prompt, "parameters": parameters}
        face = (await client.post(f"/hf/{MODEL}", json=body)).json()[0]["generated_text"]
        texts = {
            plain["text"], "".join(event.get("text", "") for event in events), completion["text"], face,
            echoed["text"].removeprefix(prompt),
        }  # fmt: skip
        assert texts == {plain["text"]}
        assert is_visible(plain["text"]) or plain["finish_reason"] == "length"
        ended += plain["finish_reason"] == "end"
    assert ended


async def test_nothing_is_generated_where_nothing_is_requested(client: httpx.AsyncClient) -> None:
    body = {"model": MODEL, "prompt": "the man", "max_tokens": 0, "echo": True, "logprobs": 1}
    (choice,) = (await client.post("/v1/completions", json=body)).json()["choices"]
    assert choice["text"] == "the man"
