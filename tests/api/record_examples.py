"""Write the shipped models' replies to the examples of the OpenAPI document: python -m tests.api.record_examples."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from app.http.examples import HERE, Example, examples_of
from app.main import create_app
from app.settings import Settings

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
CUT = {"list_models", "openai_models"}
"""Operations whose examples have the first entry of each list only."""


@asynccontextmanager
async def shipped_models() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with the models in checkpoints/."""
    app = create_app(Settings(checkpoints=CHECKPOINTS, device="cpu", lessons=True))
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test", timeout=300) as client,
    ):
        yield client


def all_examples(document: Any) -> list[tuple[str, str, str, Example]]:
    """(method, path, id of the operation, example) of all operations of an OpenAPI document."""
    found = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            contents = operation.get("requestBody", {}).get("content", {})
            bodies = [content["examples"] for content in contents.values() if "examples" in content]
            first = next(iter(bodies[0].values()))["value"] if bodies else None
            identifier = operation["operationId"]
            found += [(method, path, identifier, example) for example in examples_of(identifier, first)]
    return found


async def answer(client: httpx.AsyncClient, method: str, path: str, example: Example) -> httpx.Response:
    address = path.format(**example.path)
    if example.spoken:
        sound = await client.post("/speak", json={"text": example.spoken, "voice": "theo", "seed": 1})
        if example.form:
            return await client.post(address, files={"file": ("words.wav", sound.content)}, data=dict(example.form))
        return await client.post(address, content=sound.content, headers={"content-type": "audio/wav"})
    return await client.request(method, address, json=example.body)


def documented(operation_id: str, example: Example, response: httpx.Response) -> Any:
    """What the document shows of a response; None of one that is a file."""
    if example.streams:
        events = [event_of(block) for block in response.text.replace("\r\n", "\n").split("\n\n") if "data:" in block]
        return [events[0], events[-1]]
    if response.headers["content-type"] != "application/json":
        return None
    reply = response.json()
    if operation_id in CUT:
        return {name: value[:1] if isinstance(value, list) else value for name, value in reply.items()}
    return reply


def event_of(block: str) -> dict[str, str]:
    """The fields of a Server-Sent Event."""
    lines = [line.partition(":") for line in block.splitlines() if not line.startswith(":")]
    return {name: value.removeprefix(" ") for name, _, value in lines}


async def record() -> None:
    replies: dict[str, dict[str, Any]] = {}
    async with shipped_models() as client:
        document = (await client.get("/openapi.json")).json()
        for method, path, identifier, example in all_examples(document):
            response = await answer(client, method, path, example)
            assert response.status_code == 200, (identifier, example.name, response.text)
            reply = documented(identifier, example, response)
            if reply is not None:
                replies.setdefault(identifier, {})[example.name] = reply
    lines = [
        f"{json.dumps(identifier)}: {{\n"
        + ",\n".join(f"  {json.dumps(name)}: {json.dumps(reply, ensure_ascii=False)}" for name, reply in named.items())
        + "\n}"
        for identifier, named in replies.items()
    ]
    (HERE / "replies.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(record())
