"""Tokens per second of the trainer beside the plain training loop that tutorials teach, in one run.

    python benchmarks/scripts/training_speed.py [--embedding 400] [--hidden 400] [--rounds 3]

Both train an LSTM language model of the same size on the same ids, in processes of their own that
take turns; what is printed is each one's median and the ratio. The plain loop is that of PyTorch's
word language model example, written anew: `nn.LSTM`, a linear decoder, log-softmax, a step of SGD by
hand, float32, memory as glibc gives it. Ours is `Trainer` as `carousel-train` runs it: its precision,
its allocator settings, AdamW, an average of the weights, and the noise of the recipe ptb.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from models.networks.language_model import LanguageModel, LanguageModelConfig
from models.text.tokenizers import WordTokenizer
from trainer.loop.allocator import SETTINGS
from trainer.loop.optimization import TrainingConfig
from trainer.loop.trainer import Progress, Trainer
from trainer.tasks.language import LanguageTask, LanguageTaskConfig

VOCABULARY, STRIPES, CHUNK = 10_000, 20, 35


def stream() -> np.ndarray:
    """Ids as unevenly distributed as words are (Zipf)."""
    weights = 1 / np.arange(1, VOCABULARY + 1)
    return np.random.default_rng(1).choice(VOCABULARY, STRIPES * CHUNK * 200 + 1, p=weights / weights.sum())


class Plain(nn.Module):
    """Encoder, LSTM, decoder, as the example has them."""

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
    ids = torch.from_numpy(stream()[:-1]).view(STRIPES, -1).t().contiguous()  # (T, B)
    zeros = torch.zeros(2, STRIPES, hidden)
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
        yield CHUNK * STRIPES


def our_steps(embedding: int, hidden: int) -> Iterator[int]:
    torch.manual_seed(1)
    sizes = LanguageModelConfig(
        VOCABULARY, embedding, hidden, layers=2, dropout=0.35, hidden_dropout=0.2, embedding_dropout=0.05
    )
    words = WordTokenizer(["</s>", "<unk>", *map(str, range(VOCABULARY - 2))])
    config = TrainingConfig(weight_drop=0.2, average_decay=0.999)
    task = LanguageTask(LanguageModel(sizes), words, stream(), ["1"], LanguageTaskConfig(STRIPES, CHUNK), seed=1)
    for record in Trainer(task, config, torch.device("cpu")).run():
        if isinstance(record, Progress):
            yield record.targets


def measure(which: str, embedding: int, hidden: int, seconds: float) -> float:
    """Tokens per second over so many seconds, after five steps that do not count."""
    steps = {"plain": plain_steps, "ours": our_steps}[which](embedding, hidden)
    for _ in range(5):
        next(steps)
    tokens, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        tokens += next(steps)
    return tokens / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedding", type=int, default=400)
    parser.add_argument("--hidden", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=("plain", "ours"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        sys.stdout.write(f"{measure(options.one, options.embedding, options.hidden, options.seconds)}\n")
        return
    found: dict[str, list[float]] = {"plain": [], "ours": []}
    for _ in range(options.rounds):
        for which, rates in found.items():
            settings = SETTINGS if which == "ours" else {}
            command = [sys.executable, *sys.argv, "--one", which]
            done = subprocess.run(command, env={**os.environ, **settings}, check=True, capture_output=True, text=True)
            rates.append(float(done.stdout))
    for which, rates in found.items():
        sys.stdout.write(
            f"{which}: {statistics.median(rates):,.0f} tokens/s ({', '.join(f'{r:,.0f}' for r in rates)})\n"
        )
    ratio = statistics.median(ours / plain for ours, plain in zip(found["ours"], found["plain"], strict=True))
    sys.stdout.write(f"ratio {ratio:.2f}, embedding {options.embedding}, hidden {options.hidden}, ")
    sys.stdout.write(f"{torch.get_num_threads()} threads\n")


if __name__ == "__main__":
    main()
