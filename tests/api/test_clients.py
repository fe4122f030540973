"""The command line and HTTP share the code from a request to a reply."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from app.catalog.registry import Registry
from app.cli import cli
from app.engine.engine import Engine
from app.engine.jobs import ClassifyJob, GenerateJob, TokenEvent
from app.engine.ticket import Finished
from app.http.clients import Client, HttpClient, LocalClient
from models.sampling import SamplingConfig


@pytest.fixture
def engine(registry: Registry) -> Iterator[Engine]:
    engine = Engine(registry)
    engine.start()
    yield engine
    engine.stop(5)


class TestLocalClient:
    def test_it_is_no_http_client(self) -> None:
        assert issubclass(LocalClient, Client)
        assert not issubclass(LocalClient, HttpClient)

    def test_it_has_all_that_a_client_has(self, engine: Engine, registry: Registry) -> None:
        served = registry.get("sentiment-en")
        job = ClassifyJob(("a good film", "a bad film"))

        async def use() -> tuple[Any, list[Any]]:
            client = LocalClient()
            assert (client.key, client.caller.name) == ("", "")
            await client.charge(1e12)
            one = await client.result(await client.submit(engine, job, served))
            return one, await client.results(await client.submit_all(engine, [(job, served)] * 2))

        one, several = asyncio.run(use())
        assert len(one) == 2
        assert several == [one, one]

    def test_first_events(self, engine: Engine, registry: Registry) -> None:
        job = GenerateJob("the man", 3, SamplingConfig(0.0), seed=1, stream=True)

        async def first() -> list[Any]:
            client = LocalClient()
            ticket = await client.submit(engine, job, registry.get("language-en"))
            events = list(await client.first(ticket))
            ticket.cancel()
            return events

        events = asyncio.run(first())
        assert events
        assert all(isinstance(event, TokenEvent | Finished) for event in events)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [
        (["generate", "the man", "--seed", "3", "--n", "2", "--max-new-tokens", "9", "--model", "language-en"],
         "/generate", {"prompt": "the man", "seed": 3, "n": 2, "model": "language-en", "max_new_tokens": 9}),
        (["next", "the man", "--top", "4", "--model", "language-en"], "/next-word-probs",
         {"text": "the man", "top": 4, "model": "language-en"}),
        (["classify", "a good film", "--explain", "--model", "sentiment-en"], "/classify",
         {"text": "a good film", "explain": True, "model": "sentiment-en"}),
        (["generate", "film", "--seed", "3", "--max-new-tokens", "9", "--language", "tr"], "/generate",
         {"prompt": "film", "seed": 3, "max_new_tokens": 9, "language": "tr"}),
        (["next", "film", "--language", "tr"], "/next-word-probs", {"text": "film", "language": "tr"}),
        (["classify", "film", "--language", "tr"], "/classify", {"text": "film", "language": "tr"}),
        (["translate", "The man.", "--from", "en", "--to", "tr"], "/translate",
         {"text": "The man.", "source": "en", "target": "tr"}),
        (["models"], "/models", None),
    ],
)  # fmt: skip
async def test_the_shell_answers_as_the_route_does(
    client: httpx.AsyncClient, checkpoints: Path, arguments: list[str], path: str, body: dict[str, Any] | None
) -> None:
    command = [*arguments, "--json", "--checkpoints", str(checkpoints)]
    printed = await asyncio.to_thread(CliRunner().invoke, cli.app, command)
    response = await (client.get(path) if body is None else client.post(path, json=body))
    expected = response.json()
    expected.pop("lessons", None)  # of a running service alone
    assert json.loads(printed.stdout) == expected
