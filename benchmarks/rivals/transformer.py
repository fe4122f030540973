"""Server T: a Transformer under CTranslate2 behind FastAPI, in batches of the waiting requests.

A batch runs at one length, the mean of its sentences' lengths: the number of tokens is right, and no
row waits for a longer one, which favours T.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks import extras
from benchmarks.rivals import transformer_model
from benchmarks.rivals.lengths import read_lengths

FORMS = {"1 x 2": (1, 2), "2 x 1": (2, 1)}
"""Concurrent batches, and threads of each."""
MAX_BATCH = 32


class TranslateBody(BaseModel):
    text: str
    target: str
    beam_size: int = 5


class Batcher:
    """Translates queued requests in batches, as many at once as the translator can run."""

    def __init__(self, model: Path, lengths: Path, form: str) -> None:
        self.concurrency, threads = FORMS[form]
        self.lengths = read_lengths(lengths)
        self.translator = extras.load("ctranslate2").Translator(
            str(model), compute_type="int8", inter_threads=self.concurrency, intra_threads=threads
        )
        self.queue: asyncio.Queue[tuple[TranslateBody, asyncio.Future[str]]] = asyncio.Queue()

    async def translate(self, body: TranslateBody) -> str:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.queue.put_nowait((body, answer))
        return await answer

    async def run(self) -> None:
        """Translate one batch after the other, without end."""
        while True:
            batch = [await self.queue.get()]
            while len(batch) < MAX_BATCH and not self.queue.empty():
                batch.append(self.queue.get_nowait())
            texts = await asyncio.to_thread(self._search, [body for body, _ in batch])
            for (_, answer), text in zip(batch, texts, strict=True):
                if not answer.done():
                    answer.set_result(text)

    def _search(self, bodies: list[TranslateBody]) -> list[str]:
        sizes = [self.lengths[body.text] for body in bodies]
        length = round(sum(target for _, target in sizes) / len(sizes))
        sources = [transformer_model.WORDS[: source - 1] for source, _ in sizes]  # CTranslate2 adds the end of text
        results = self.translator.translate_batch(
            sources, beam_size=bodies[0].beam_size, min_decoding_length=length, max_decoding_length=length
        )
        return [" ".join(result.hypotheses[0]) for result in results]


def create_app(batcher: Batcher) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(batcher.run()) for _ in range(batcher.concurrency)]
        yield
        for task in tasks:
            task.cancel()

    app = FastAPI(lifespan=lifespan)

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/translate")
    async def translate(body: TranslateBody) -> dict[str, Any]:
        return {"results": [{"text": await batcher.translate(body)}]}

    return app


def main(
    model: Annotated[Path, typer.Option(help="Folder of the model, which is made where it is missing.")],
    lengths: Annotated[Path, typer.Option(help="File with the sentences' lengths.")],
    port: Annotated[int, typer.Option(help="Port to listen on, on 127.0.0.1.")],
    form: Annotated[str, typer.Option(help="1 x 2 or 2 x 1: concurrent batches, and threads of each.")] = "1 x 2",
) -> None:
    """Serve the model."""
    transformer_model.build(model)
    app = create_app(Batcher(model, lengths, form))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    typer.run(main)
