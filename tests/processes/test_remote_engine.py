"""An engine in another process does what one in this process does."""

import asyncio
import json
import weakref
from typing import Any

import httpx
import pytest
import torch
from prometheus_client.parser import text_string_to_metric_families

from app.catalog.registry import Registry, Served
from app.engine.lanes.decode import MAX_UNREAD
from app.errors import EngineStopped
from app.processes.descriptions import describe, served_from
from tests.helpers import TokenSlow, generate_job, wrapped
from tests.processes.conftest import MakeBeside, engine_of, until

pytestmark = pytest.mark.anyio
MODEL = "language-en"
GENERATE = {"prompt": "the man", "model": MODEL, "max_new_tokens": 30, "min_new_tokens": 30, "seed": 5}
REQUESTS: list[tuple[str, Any]] = [
    ("/generate", GENERATE | {"n": 2, "logprobs": 2}),
    ("/generate", GENERATE | {"stream": True, "logprobs": 1}),
    ("/generate", GENERATE | {"model": "none"}),
    ("/generate", GENERATE | {"state": "none"}),
    ("/generate", GENERATE | {"max_new_tokens": 10**6}),
    ("/next-word-probs", {"text": "the man", "model": MODEL}),
    ("/classify", {"text": ["a good film", "the story was bad"], "explain": True, "model": "sentiment-en"}),
    ("/translate", {"text": "The man. A film!", "source": "en", "target": "tr", "attention": True}),
    ("/translate", {"text": "The man. A film!", "source": "en", "target": "tr", "stream": True}),
    ("/translate", {"text": "The man.", "source": "en", "target": "tr", "prefix": "Adam", "top_tokens": 2}),
    ("/translate", {"text": "The man.", "source": "en", "target": "tr", "prefix": "Adam", "stream": True}),
    ("/translate", {"text": "42", "source": "en", "target": "tr", "prefix": "Adam"}),
    ("/translate", {"text": "dog " * 600, "source": "en", "target": "tr", "attention": True}),
    ("/inspect", {"text": "the man", "model": MODEL}),
    ("/inspect", {"text": "the man", "model": MODEL, "layer": 7}),
    ("/inspect", {"text": "the man", "model": MODEL, "top": 2, "marked": [{"start": 4, "end": 7}]}),
    ("/inspect", {"text": "the man", "model": MODEL, "marked": [{"start": 3, "end": 4}]}),
    ("/tokenize", {"text": "the man", "model": MODEL}),
    ("/v1/completions", {"prompt": "the man", "model": MODEL, "seed": 3, "logprobs": 2, "echo": True}),
    ("/v1/completions", {"prompt": [1, 2, 10**6], "model": MODEL}),
    ("/hf/sentiment-en", {"inputs": "a good film"}),
    ("/libretranslate/translate", {"q": "The man.", "source": "en", "target": "tr"}),
    ("/v2/models/sentiment-en/infer", {"inputs": []}),
]
PATHS = ["/models", f"/models/{MODEL}", "/models/translation-en-tr", "/readyz", "/livez", "/openapi.json", "/v1/models"]
ROW = {"choices": 1, "stop": (), "scored": False, "top_logprobs": 0}


def content(response: httpx.Response) -> Any:
    """Less what differs from request to request: ids and times."""
    text = response.text
    if response.headers.get("content-type", "").startswith("application/json") and "created" in text:
        return {name: value for name, value in response.json().items() if name not in ("id", "created")}
    return text


async def test_requests_have_the_same_answers(client: httpx.AsyncClient, settings: Any, beside: MakeBeside) -> None:
    """Results, errors and streams of all routes, and what is known of the models."""
    other = await (await beside(**settings.model_dump(exclude_unset=True))).client()
    for path, body in REQUESTS:
        expected, actual = await client.post(path, json=body), await other.post(path, json=body)
        assert (actual.status_code, content(actual)) == (expected.status_code, content(expected)), (path, body)
    for path in PATHS:
        assert content(await other.get(path)) == content(await client.get(path)), path


async def test_alone_and_in_company_of_two_processes(beside: MakeBeside) -> None:
    service = await beside()
    clients = [await service.client(f"http-{number}") for number in range(2)]

    async def text(number: int, stream: bool) -> str:
        body = GENERATE | {"seed": number, "temperature": 1.0, "stream": stream}
        reply = await clients[number % 2].post("/generate", json=body)
        if not stream:
            return str(reply.json()["choices"][0]["text"])
        pieces = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: ")]
        return "".join(piece["text"] for piece in pieces[:-1])

    alone = [await text(number, False) for number in range(8)]
    assert await asyncio.gather(*(text(number, number % 3 == 0) for number in range(8))) == alone
    await until(lambda: service.engine.empty)


async def test_a_cancelled_job_frees_its_slots(beside: MakeBeside, registry: Registry) -> None:
    service = await beside(wrapped(registry, MODEL, TokenSlow))
    engine = engine_of(await service.client())
    ticket = await engine.submit(generate_job(1, **ROW, max_new_tokens=10_000, stream=True), engine.registry.get(MODEL))
    await ticket.events()
    ticket.cancel()
    await until(lambda: service.engine.empty)
    assert not service.connections[0].busy


async def test_a_client_that_does_not_read_is_parked_and_loses_nothing(beside: MakeBeside) -> None:
    service = await beside()
    engine = engine_of(await service.client())
    job = generate_job(3, **ROW, max_new_tokens=400, min_new_tokens=400, stream=True)
    whole = (await (await engine.submit(job, engine.registry.get(MODEL))).result()).choices[0].text
    ticket = await engine.submit(job, engine.registry.get(MODEL))
    await until(lambda: ticket.posted > MAX_UNREAD)
    await asyncio.sleep(0.3)  # what is sent all the same would come now
    assert ticket.posted < 2 * MAX_UNREAD
    pieces: list[str] = []
    while not ticket.closed or ticket.unread:
        pieces += [event.text for event in await ticket.events() if hasattr(event, "choice")]
    assert "".join(pieces) == whole


async def test_limits_count_in_all_processes(beside: MakeBeside, registry: Registry) -> None:
    service = await beside(wrapped(registry, MODEL, TokenSlow), max_requests_at_once=3, rate_limit="1000/hour")
    clients = [await service.client(f"http-{number}") for number in range(2)]
    body = GENERATE | {"max_new_tokens": 50, "min_new_tokens": 50}
    replies = await asyncio.gather(*(clients[number % 2].post("/generate", json=body) for number in range(8)))
    assert sorted(reply.status_code for reply in replies) == [200] * 3 + [429] * 5
    remaining = [int(reply.headers["ratelimit"].split("r=")[1].split(";")[0]) for reply in replies if reply.is_success]
    assert sorted(remaining, reverse=True) == [1000 - 52 * count for count in (1, 2, 3)]
    await until(lambda: not service.connections[0].busy and not service.connections[1].busy)
    replies = await asyncio.gather(*(clients[number % 2].post("/generate", json=body) for number in range(3)))
    assert [reply.status_code for reply in replies] == [200] * 3


async def test_the_clients_of_a_dead_process_leave_nothing(beside: MakeBeside, registry: Registry) -> None:
    service = await beside(wrapped(registry, MODEL, TokenSlow), max_requests_at_once=1)
    clients = [await service.client(f"http-{number}") for number in range(2)]
    long = asyncio.create_task(clients[0].post("/generate", json=GENERATE | {"max_new_tokens": 900}))
    await until(lambda: service.engine.running == 1)
    assert (await clients[1].post("/generate", json=GENERATE)).status_code == 429
    service.connections[0].abort()
    await until(lambda: service.engine.empty)
    reply = await clients[1].post("/generate", json=GENERATE | {"max_new_tokens": 3, "min_new_tokens": 3})
    assert reply.status_code == 200
    assert (await long).status_code == 503


async def test_without_an_engine_jobs_end_and_readiness_fails(beside: MakeBeside, registry: Registry) -> None:
    service = await beside(wrapped(registry, MODEL, TokenSlow))
    client = await service.client()
    engine = engine_of(client)
    plain = asyncio.create_task(client.post("/generate", json=GENERATE | {"max_new_tokens": 900}))
    stream = asyncio.create_task(client.post("/generate", json=GENERATE | {"max_new_tokens": 900, "stream": True}))
    await until(lambda: service.engine.running == 2)
    await asyncio.sleep(0.2)  # so that the stream has begun
    assert service.server
    service.server.close()
    service.path.unlink()
    service.connections[0].abort()
    reply = await plain
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
    events = (await stream).text.strip().split("\n\n")
    assert events[0].startswith("event: token")
    assert events[-1].startswith("event: error")
    assert json.loads(events[-1].split("data: ")[1])["status"] == 503
    ready = await client.get("/readyz")
    assert (ready.status_code, "started again" in ready.json()["detail"]) == (503, True)
    assert (await client.get("/livez")).status_code == 200
    assert (await client.post("/generate", json=GENERATE)).status_code == 503
    assert (await client.get("/metrics")).status_code == 200
    with pytest.raises(EngineStopped):
        await engine.submit(generate_job(1), engine.registry.get(MODEL))
    served = engine.registry.get(MODEL)
    await service.listen()
    await until(lambda: engine.takes_work)
    assert engine.registry.get(MODEL) is served
    assert (await client.post("/generate", json=GENERATE)).status_code == 200


async def test_a_hot_swap_reaches_all_processes_and_requests_keep_their_version(
    beside: MakeBeside, registry: Registry
) -> None:
    models = Registry(registry.models.values(), registry.device)
    models.swap(_copy(registry.get(MODEL), MODEL))
    service = await beside(models)
    engines = [engine_of(await service.client(f"http-{number}")) for number in range(2)]
    before = [engine.registry.get(MODEL) for engine in engines]
    old_model = weakref.ref(models.get(MODEL))
    job = generate_job(4, **ROW, max_new_tokens=20, stream=False)
    old = await (await engines[0].submit(job, before[0])).result()
    models.swap(_copy(registry.get("language-tr"), MODEL))
    await service.hub.publish()
    after = [engine.registry.get(MODEL) for engine in engines]
    assert all(one is not other for one, other in zip(before, after, strict=True))
    expected = await (await engines[1].submit(job, engines[1].registry.get("language-tr"))).result()
    assert await (await engines[1].submit(job, after[1])).result() == expected
    assert await (await engines[1].submit(job, before[1])).result() == old  # it was resolved before the swap
    assert old_model() is not None
    before.clear()
    del job, old
    await until(lambda: old_model() is None)  # no request uses it any more


async def test_the_engine_drains_when_all_processes_have(beside: MakeBeside, registry: Registry) -> None:
    service = await beside(wrapped(registry, MODEL, TokenSlow))
    engines = [engine_of(await service.client(f"http-{number}")) for number in range(2)]
    job = generate_job(4, **ROW, max_new_tokens=200, min_new_tokens=200, stream=False)
    tickets = [await engine.submit(job, engine.registry.get(MODEL)) for engine in engines]
    engines[0].drain(60)
    with pytest.raises(EngineStopped):
        await engines[0].submit(job, engines[0].registry.get(MODEL))
    late = await engines[1].submit(job, engines[1].registry.get(MODEL))
    stopping = asyncio.create_task(service.hub.stop())
    engines[1].drain(60)
    await until(lambda: service.engine.stopping)
    for ticket in (*tickets, late):
        assert (await ticket.result()).generated_tokens == 200
    for engine in engines:
        await engine.stop()
    await stopping


async def test_the_metrics_are_those_of_all_processes(beside: MakeBeside) -> None:
    service = await beside()
    clients = [await service.client(f"http-{number}") for number in range(2)]
    for client in (*clients, clients[0]):
        await client.post("/classify", json={"text": "a good film", "model": "sentiment-en"})
    name = "carousel_requests_total|/classify|200"
    assert [(await _numbers(client))[name] for client in clients] == [3, 3]
    numbers = await _numbers(clients[1])
    assert numbers["carousel_step_seconds_count|classify"] == 3
    assert sum(key.startswith("carousel_model_info") for key in numbers) == 6
    for process in ("engine", "http-0", "http-1"):
        assert numbers[f"process_open_fds|{process}"] > 0
    assert numbers["carousel_gc_pause_seconds_count|0"] > 0
    await engine_of(clients[0]).stop()
    await until(lambda: len(service.hub.connections) == 1)
    assert (await _numbers(clients[1]))[name] == 3  # what has been counted stays


@pytest.mark.parametrize("name", ["language-en", "sentiment-tr", "translation-en-tr"])
def test_a_described_model_has_no_weights(registry: Registry, name: str) -> None:
    served = served_from(describe(registry.get(name)))
    assert {tensor.device for tensor in served.checkpoint.model.state_dict().values()} == {torch.device("meta")}


async def _numbers(client: httpx.AsyncClient) -> dict[str, float]:
    families = text_string_to_metric_families((await client.get("/metrics")).text)
    return {
        sample.name + "".join(f"|{value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def _copy(served: Served, name: str) -> Served:
    from dataclasses import replace

    return Served(replace(served.checkpoint, name=name), served.runtime, served.vocabulary)
