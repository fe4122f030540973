"""Server A: a model behind FastAPI as a good tutorial has it, in float32, one request in each call.

Its endpoints are either plain functions, which FastAPI runs in a thread pool, or coroutines, which
run in the event loop one after the other. Which is faster depends on model and machine.
"""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from torch import Tensor

from benchmarks.rivals import reference
from models.checkpoint import Checkpoint

FORMS = ("sync", "async")
Reply = dict[str, Any]


class GenerateBody(BaseModel):
    prompt: str
    min_new_tokens: int = 0
    max_new_tokens: int = 64
    temperature: float = 0.8
    seed: int = 0
    stream: bool = False


class NextWordBody(BaseModel):
    text: str
    top: int = 10
    unit: str = "word"


class ClassifyBody(BaseModel):
    text: str


class TranslateBody(BaseModel):
    text: str
    target: str
    beam_size: int = 5


class Generation:
    """The generation of one text; iterating yields its tokens, end of text included."""

    def __init__(self, loaded: Checkpoint, body: GenerateBody) -> None:
        self.model, self.tokenizer = reference.language(loaded)
        self.body = body
        self.prompt = self.tokenizer.encode(body.prompt)
        self.ids: list[int] = []

    @torch.inference_mode()
    def __iter__(self) -> Iterator[int]:
        end, device = self.tokenizer.end_id, self.model.bias.device
        random = torch.Generator(device).manual_seed(self.body.seed)
        ids, state = torch.tensor([[end, *self.prompt]], device=device), None  # (1, T)
        while len(self.ids) < self.body.max_new_tokens:
            logits, state = self.model(ids, state)  # (1, T, V)
            if len(self.ids) < self.body.min_new_tokens:
                logits[0, -1, end] = float("-inf")
            token = sample(logits[0, -1], self.body.temperature, random)
            self.ids.append(token)
            yield token
            if token == end:
                return
            ids = torch.tensor([[token]], device=device)  # (1, 1)

    @property
    def usage(self) -> Reply:
        return {"prompt_tokens": len(self.prompt), "generated_tokens": len(self.ids)}

    def reply(self) -> Reply:
        for _ in self:
            pass
        return {"choices": [{"text": self.tokenizer.decode_continuation(self.ids)}], "usage": self.usage}

    def events(self) -> Iterator[str]:
        """The reply as server-sent events."""
        for token in self:
            text = self.tokenizer.surface(token).decode("utf-8", errors="replace")
            yield f"event: token\ndata: {json.dumps({'text': text})}\n\n"
        yield f"event: done\ndata: {json.dumps({'usage': self.usage})}\n\n"


def sample(logits: Tensor, temperature: float, random: torch.Generator) -> int:
    """Sample an id from logits (V,); at temperature 0 the most probable."""
    if temperature == 0:
        return int(logits.argmax())
    return int(torch.multinomial(torch.softmax(logits / temperature, dim=-1), 1, generator=random))


def create_app(loaded: Checkpoint, form: str) -> FastAPI:
    """The application with the endpoints for a checkpoint's kind."""
    app = FastAPI()
    app.get("/readyz")(lambda: {"status": "ok"})
    for path, endpoint in endpoints(loaded, form).items():
        app.post(path, response_model=None)(endpoint if form == "sync" else as_coroutine(endpoint))
    return app


def endpoints(loaded: Checkpoint, form: str) -> dict[str, Callable[[Any], Any]]:
    """The function of each path."""
    if loaded.kind == "language":
        return {"/generate": generate(loaded, form), "/next-word-probs": next_word_probs(loaded)}
    if loaded.kind == "classifier":
        return {"/classify": classify(loaded)}
    return {"/translate": translate(loaded)}


def generate(loaded: Checkpoint, form: str) -> Callable[[GenerateBody], Reply | StreamingResponse]:
    def endpoint(body: GenerateBody) -> Reply | StreamingResponse:
        generation = Generation(loaded, body)
        if not body.stream:
            return generation.reply()
        events = generation.events()
        return StreamingResponse(events if form == "sync" else yielding(events), media_type="text/event-stream")

    return endpoint


def next_word_probs(loaded: Checkpoint) -> Callable[[NextWordBody], Reply]:
    next_words = reference.NextWords(loaded)

    @torch.inference_mode()
    def endpoint(body: NextWordBody) -> Reply:
        if body.unit == "word":
            words = next_words(body.text, body.top)
        else:
            logits, _ = reference.prefill(loaded, body.text)
            values, ids = torch.softmax(logits, dim=-1).topk(body.top)
            names = [loaded.tokenizer.surface(index).decode("utf-8", errors="replace") for index in ids.tolist()]
            words = list(zip(names, values.tolist(), strict=True))
        return {"next": [{"word": word, "probability": probability} for word, probability in words]}

    return endpoint


def classify(loaded: Checkpoint) -> Callable[[ClassifyBody], Reply]:
    @torch.inference_mode()
    def endpoint(body: ClassifyBody) -> Reply:
        scores = reference.class_scores(loaded, body.text)
        label = max(scores, key=lambda name: scores[name])
        return {"results": [{"label": label, "score": scores[label], "scores": scores}]}

    return endpoint


def translate(loaded: Checkpoint) -> Callable[[TranslateBody], Reply]:
    @torch.inference_mode()
    def endpoint(body: TranslateBody) -> Reply:
        return {"results": [{"text": reference.translation(loaded, body.text, body.target, body.beam_size)}]}

    return endpoint


def as_coroutine(endpoint: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same endpoint as an `async def`, which computes in the event loop."""

    async def call(body: Any) -> Any:
        return endpoint(body)

    call.__signature__ = inspect.signature(endpoint)  # type: ignore[attr-defined]
    return call


async def yielding(events: Iterator[str]) -> AsyncIterator[str]:
    """The events; after each, the event loop can run other requests and write to the socket."""
    for event in events:
        yield event
        await asyncio.sleep(0)


def main(
    checkpoint: Annotated[Path, typer.Option(help="The checkpoint to serve.")],
    port: Annotated[int, typer.Option(help="Port to listen on, on 127.0.0.1.")],
    form: Annotated[str, typer.Option(help="sync or async endpoints.")] = "sync",
) -> None:
    """Serve one checkpoint."""
    app = create_app(reference.load(checkpoint), form)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    typer.run(main)
