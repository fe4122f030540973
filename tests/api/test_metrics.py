"""Prometheus metrics after requests of all kinds."""

import asyncio
import json
import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.anyio
DASHBOARD = Path(__file__).parents[2] / "docs" / "grafana.json"
NAME = re.compile(r"\b(?:carousel|process)_[a-z_]+")


async def numbers(client: httpx.AsyncClient) -> dict[str, float]:
    """All samples, as name{label="value",…}."""
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    return {
        sample.name + "".join(f"|{value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


async def test_requests_and_tokens_are_counted(client: httpx.AsyncClient) -> None:
    before = await numbers(client)
    body = {"prompt": "the man sees", "model": "language-en", "max_new_tokens": 9, "min_new_tokens": 9, "n": 2}
    usage = (await client.post("/generate", json=body)).json()["usage"]
    await client.post("/next-word-probs", json={"text": "the man", "model": "language-en"})
    await client.post("/classify", json={"text": "a good film", "model": "sentiment-en"})
    await client.post("/translate", json={"text": "The man.", "source": "en", "target": "tr"})
    after = await numbers(client)

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert grown("carousel_requests_total|/generate|200") == 1
    assert grown("carousel_request_seconds_count|/generate") == 1
    assert grown("carousel_generation_tokens_total|language-en") == usage["generated_tokens"] == 18
    assert grown("carousel_time_to_first_token_seconds_count|language-en") == 1
    assert grown("carousel_time_between_tokens_seconds_count|language-en") == 1
    assert grown("carousel_step_seconds_count|decode") == 9
    assert grown("carousel_batch_rows_sum|decode") == 18
    assert grown("carousel_queue_seconds_count") == 4
    for lane in ("prefill", "next_words", "classify", "encode", "beam"):
        assert grown(f"carousel_step_seconds_count|{lane}") >= 1
    for model in ("sentiment-en", "translation-en-tr"):
        assert grown(f"carousel_prompt_tokens_total|{model}") > 0
    # the engine removes finished requests in its next iteration
    while (now := await numbers(client))["carousel_running_requests"]:
        await asyncio.sleep(0.01)
    assert now["carousel_queued_requests"] == 0
    assert sum(name.startswith("carousel_model_info") for name in after) == 6
    assert after["process_open_fds"] > 0


async def test_refusals_have_a_reason(client: httpx.AsyncClient) -> None:
    await client.post("/generate", json={"prompt": "the man", "model": "none"})
    await client.post("/generate", json={"prompt": 5})
    values = await numbers(client)
    assert values["carousel_refusals_total|model_not_found"] == 1
    assert values["carousel_refusals_total|invalid"] == 1
    assert values["carousel_requests_total|/generate|404"] == 1


async def test_no_label_grows_with_what_is_sent(client: httpx.AsyncClient) -> None:
    async def send(word: str) -> set[str]:
        await client.get(f"/{word}")
        await client.get(f"/models/{word}")
        await client.request(word, "/generate")
        await client.post("/generate", json={"prompt": "the man", "model": word})
        return set(await numbers(client))

    await send("first")
    before = await send("second")
    for number in range(20):
        assert await send(f"xyzzy{number}") == before
    assert "xyzzy" not in (await client.get("/metrics")).text.lower()


async def test_the_dashboard_asks_for_what_there_is(client: httpx.AsyncClient) -> None:
    await client.post("/generate", json={"prompt": "the man", "model": "language-en", "max_new_tokens": 3})
    await client.post("/generate", json={"prompt": 5})
    known = {name.split("|")[0] for name in await numbers(client)}
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    used = {name for panel in board["panels"] for target in panel["targets"] for name in NAME.findall(target["expr"])}
    assert len(used) > 15
    assert used <= known
