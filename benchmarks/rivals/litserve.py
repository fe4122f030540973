"""Server B: LitServe with its batching by request, on the same float32 modules.

LitServe collects up to 64 waiting requests and passes them to `predict` as one batch. The prefill of all
prompts is one packed call; a row that has ended leaves the batch at once; sampling is one call for all
rows (so the seeds of requests are not used). LitServe answers all of a batch's requests when `predict`
returns, and closes all of a batch's streams when the last has ended.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence

from benchmarks import extras
from benchmarks.rivals import reference
from models.batch import pad
from models.networks.recurrent import RecurrentState

LitAPI: Any = extras.load("litserve").LitAPI

FORMS = ("queue", "zmq")
"""How LitServe passes requests and replies between its processes."""
MAX_BATCH = 64
BATCH_TIMEOUT_S = 0.01


@dataclass
class Row:
    """A request of the batch."""

    prompt: list[int]
    min_new_tokens: int
    max_new_tokens: int
    temperature: float
    ids: list[int] = field(default_factory=list)
    ended: bool = False

    @property
    def usage(self) -> dict[str, int]:
        return {"prompt_tokens": len(self.prompt), "generated_tokens": len(self.ids)}


class BatchedAPI(LitAPI):  # type: ignore[misc]
    """/generate with replies as JSON."""

    def __init__(self, checkpoint: Path, stream: bool) -> None:
        super().__init__(max_batch_size=MAX_BATCH, batch_timeout=BATCH_TIMEOUT_S, api_path="/generate", stream=stream)
        self.checkpoint = checkpoint

    def setup(self, device: str) -> None:  # noqa: ARG002
        self.model, self.tokenizer = reference.language(reference.load(self.checkpoint))

    def decode_request(self, request: dict[str, Any]) -> Row:
        prompt = self.tokenizer.encode(request["prompt"])
        low, high = request.get("min_new_tokens", 0), request.get("max_new_tokens", 64)
        return Row(prompt, low, high, request.get("temperature", 0.8))

    def batch(self, inputs: Sequence[Row]) -> list[Row]:
        return list(inputs)

    def predict(self, rows: list[Row]) -> Any:
        for _ in self.steps(rows):
            pass
        return rows

    def encode_response(self, row: Any) -> Any:
        return {"choices": [{"text": self.tokenizer.decode_continuation(row.ids)}], "usage": row.usage}

    @torch.inference_mode()
    def steps(self, rows: list[Row]) -> Iterator[list[Row]]:
        """Run all rows to their ends; after each step yield the rows that were in it."""
        running = rows
        logits, state = self.prefill([row.prompt for row in rows])
        while True:
            self.sample(running, logits)
            yield running
            unfinished = [index for index, row in enumerate(running) if not row.ended]
            if not unfinished:
                return
            if len(unfinished) < len(running):
                state = state.rows(torch.tensor(unfinished, device=logits.device))
                running = [running[index] for index in unfinished]
            ids = torch.tensor([[row.ids[-1]] for row in running], device=logits.device)  # (R, 1)
            scores, state = self.model(ids, state)  # (R, 1, V)
            logits = scores[:, -1]

    def prefill(self, prompts: list[list[int]]) -> tuple[Tensor, RecurrentState]:
        """Run prompts of different lengths in one call; return the logits (R, V) after each, and the states."""
        batch = pad([[self.tokenizer.end_id, *prompt] for prompt in prompts])
        embedded = self.model.embedding(batch.ids.to(self.model.bias.device))  # (R, T, E)
        packed = pack_padded_sequence(embedded, batch.lengths, batch_first=True, enforce_sorted=False)
        _, (hidden, cell) = self.model.lstm(packed)  # (L, R, H) each
        return self.model.score(hidden[-1]), RecurrentState(hidden, cell)

    def sample(self, rows: list[Row], logits: Tensor) -> None:
        """Sample each row's next token from logits (R, V)."""
        temperatures = torch.tensor([[row.temperature or 1e-4] for row in rows], device=logits.device)  # (R, 1)
        early = [index for index, row in enumerate(rows) if len(row.ids) < row.min_new_tokens]
        logits[early, self.tokenizer.end_id] = float("-inf")
        tokens = torch.multinomial(torch.softmax(logits / temperatures, dim=-1), 1)  # (R, 1)
        for row, token in zip(rows, tokens[:, 0].tolist(), strict=True):
            row.ids.append(token)
            row.ended = token == self.tokenizer.end_id or len(row.ids) >= row.max_new_tokens


class StreamedAPI(BatchedAPI):
    """/generate with replies as server-sent events."""

    def predict(self, rows: list[Row]) -> Iterator[list[str]]:
        for running in self.steps(rows):
            events = {id(row): self.event(row) for row in running}
            yield [events.get(id(row), "") for row in rows]  # LitServe needs an item for ended rows too

    def encode_response(self, output: Any) -> Any:  # LitServe hands this annotation to FastAPI
        yield from output

    def event(self, row: Row) -> str:
        text = self.tokenizer.surface(row.ids[-1]).decode("utf-8", errors="replace")
        event = f"event: token\ndata: {json.dumps({'text': text})}\n\n"
        return event + (f"event: done\ndata: {json.dumps({'usage': row.usage})}\n\n" if row.ended else "")


def main(
    checkpoint: Annotated[Path, typer.Option(help="The language model to serve.")],
    port: Annotated[int, typer.Option(help="Port to listen on, on 127.0.0.1.")],
    form: Annotated[str, typer.Option(help="queue or zmq.")] = "queue",
    stream: Annotated[bool, typer.Option("--stream", help="Reply with server-sent events.")] = False,
) -> None:
    """Serve one checkpoint with one worker."""
    api = (StreamedAPI if stream else BatchedAPI)(checkpoint, stream)
    server = extras.load("litserve").LitServer(
        api, accelerator="cpu", workers_per_device=1, timeout=False, fast_queue=form == "zmq"
    )
    server.run(host="127.0.0.1", port=port, log_level="warning", access_log=False, generate_client_file=False)


if __name__ == "__main__":
    typer.run(main)
