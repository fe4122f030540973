"""Tokens per second of the trainer beside the plain training loop that tutorials teach, in one run.

    python benchmarks/scripts/training_speed.py [--embedding 400] [--hidden 400] [--rounds 3]

Both train an LSTM language model of the same size on the same ids, in alternating processes; the medians
and their ratio are printed. The plain loop is that of PyTorch's word language model example, written anew:
`nn.LSTM`, a linear decoder, log-softmax, SGD by hand, float32, glibc's allocator settings. Ours is `Trainer`
as `carousel-train` runs it: its precision, its allocator settings, AdamW, averaged weights, and the dropout
of the recipe ptb.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Annotated

import numpy as np
import torch
import typer
from torch import nn

from models.networks.language_model import LanguageModel, LanguageModelConfig
from models.text.tokenizers import WordTokenizer
from trainer.loop.allocator import SETTINGS
from trainer.loop.optimization import TrainingConfig
from trainer.loop.trainer import Progress, Trainer
from trainer.tasks.language import LanguageTask, LanguageTaskConfig

VOCABULARY, BATCH, CHUNK = 10_000, 20, 35


def stream() -> np.ndarray:
    """Ids with the distribution of words (Zipf)."""
    weights = 1 / np.arange(1, VOCABULARY + 1)
    return np.random.default_rng(1).choice(VOCABULARY, BATCH * CHUNK * 200 + 1, p=weights / weights.sum())


class Plain(nn.Module):
    """Encoder, LSTM and decoder of the example."""

    def __init__(self, embedding: int, hidden: int) -> None:
        super().__init__()
        self.encoder = nn.Embedding(VOCABULARY, embedding)
        self.rnn = nn.LSTM(embedding, hidden, 2, dropout=0.2)
        self.decoder = nn.Linear(hidden, VOCABULARY)
        self.drop = nn.Dropout(0.2)

    def forward(
        self, ids: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        output, state = self.rnn(self.drop(self.encoder(ids)), state)
        return nn.functional.log_softmax(self.decoder(self.drop(output)).view(-1, VOCABULARY), dim=1), state


def plain_steps(embedding: int, hidden: int) -> Iterator[int]:
    torch.manual_seed(1)
    model = Plain(embedding, hidden)
    ids = torch.from_numpy(stream()[:-1]).view(BATCH, -1).t().contiguous()  # (T, B)
    zeros = torch.zeros(2, BATCH, hidden)
    state = (zeros, zeros)
    model.train()
    for begin in range(0, len(ids) - CHUNK - 1, CHUNK):
        model.zero_grad()
        state = (state[0].detach(), state[1].detach())
        scores, state = model(ids[begin : begin + CHUNK], state)
        loss = nn.functional.nll_loss(scores, ids[begin + 1 : begin + CHUNK + 1].reshape(-1))
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        for parameter in model.parameters():
            assert parameter.grad is not None
            parameter.data.add_(parameter.grad, alpha=-1.0)
        loss.item()
        yield CHUNK * BATCH


def our_steps(embedding: int, hidden: int) -> Iterator[int]:
    torch.manual_seed(1)
    sizes = LanguageModelConfig(
        VOCABULARY, embedding, hidden, layers=2, dropout=0.35, hidden_dropout=0.2, embedding_dropout=0.05
    )
    words = WordTokenizer(["</s>", "<unk>", *map(str, range(VOCABULARY - 2))])
    config = TrainingConfig(weight_drop=0.2, average_decay=0.999)
    task = LanguageTask(LanguageModel(sizes), words, stream(), ["1"], LanguageTaskConfig(BATCH, CHUNK), seed=1)
    for record in Trainer(task, config, torch.device("cpu")).run():
        if isinstance(record, Progress):
            yield record.targets


def measure(loop: str, embedding: int, hidden: int, seconds: float) -> float:
    """Tokens per second over some seconds, after five steps of warm-up."""
    steps = {"plain": plain_steps, "ours": our_steps}[loop](embedding, hidden)
    for _ in range(5):
        next(steps)
    tokens, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        tokens += next(steps)
    return tokens / (time.perf_counter() - started)


def main(
    embedding: int = 400,
    hidden: int = 400,
    seconds: float = 15.0,
    rounds: int = 3,
    only: Annotated[str, typer.Option(hidden=True, help="plain or ours, in this process.")] = "",
) -> None:
    """Compare the two training loops."""
    if only:
        typer.echo(measure(only, embedding, hidden, seconds))
        return
    rates: dict[str, list[float]] = {"plain": [], "ours": []}
    for _ in range(rounds):
        for loop, values in rates.items():
            environment = {**os.environ, **(SETTINGS if loop == "ours" else {})}
            command = [sys.executable, *sys.argv, "--only", loop]
            result = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            values.append(float(result.stdout))
    for loop, values in rates.items():
        typer.echo(f"{loop}: {statistics.median(values):,.0f} tokens/s ({', '.join(f'{r:,.0f}' for r in values)})")
    ratio = statistics.median(ours / plain for ours, plain in zip(rates["ours"], rates["plain"], strict=True))
    typer.echo(f"ratio {ratio:.2f}, embedding {embedding}, hidden {hidden}, {torch.get_num_threads()} threads")


if __name__ == "__main__":
    typer.run(main)
