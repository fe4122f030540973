"""Measurements that are the same for every rung of a ladder."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.checkpoint import Checkpoint
from models.counted.grams import UNSEEN, walk
from models.counted.ngram import Ngram
from models.kinds import kind_of
from models.networks.language_model import LanguageModel
from models.networks.transformer import Transformer
from models.runtime.build import has_int8
from models.runtime.interface import LanguageRuntime
from trainer.evaluation.classification import classify_all
from trainer.evaluation.likelihood import score_stream
from trainer.studies.ladder.pairs import Pair

CONTEXTS = (1, 2, 3, 5, 10, 20, 40)
"""Numbers of words from which the next one is predicted."""
POSITIONS, BATCH_SIZE = 3_000, 100
READ_WORDS, TIMED_STEPS = (10, 100, 1_000), 50
"""Words that a text has before the steps that are timed."""
AnyLanguage = LanguageModel | Transformer | Ngram
LENGTHS = ((1, 10), (11, 20), (21, 30), (31, 10**9))
"""Ranges of a text's number of words."""
GROUPS = ("with the two before it", "with the one before it", "with neither")
SPEED_SECONDS, PROMPT_WORDS, TOP_K = 2.0, 10, 10
ZERO_LOGARITHM = -60.0
"""A logarithm below it counts as a probability of 0."""
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """How well words were predicted: the mean loss in nats, of words without zero probability, the top-1 accuracy,
    and the share of words that were assigned zero probability."""

    loss: float
    accuracy: float
    impossible: float

    @property
    def perplexity(self) -> float:
        """Infinite where a word was assigned zero probability."""
        return float("inf") if self.impossible else float(np.exp(self.loss))


@dataclass(frozen=True)
class Positions:
    """Positions of a text at which rungs predict: the words before each, (N, C), and the word there, (N,)."""

    contexts: Tensor
    targets: Tensor

    @classmethod
    def sample(cls, stream: Tensor, seed: int = 1) -> "Positions":
        """Random positions of a stream (N,) with a whole context before them."""
        longest = min(CONTEXTS[-1], len(stream) // 2)
        windows = stream[:-1].unfold(0, longest, 1)  # (N - longest, longest)
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.randperm(len(windows), generator=generator)[:POSITIONS]
        return cls(windows[chosen], stream[longest:][chosen])

    def shuffled(self, seed: int = 2) -> "Positions":
        """The same contexts with their words shuffled."""
        order = torch.rand(self.contexts.shape, generator=torch.Generator().manual_seed(seed)).argsort(dim=1)
        return Positions(self.contexts.gather(1, order), self.targets)

    def last(self, count: int) -> "Positions":
        """Only the last `count` words of each context."""
        return Positions(self.contexts[:, -count:], self.targets)


@torch.inference_mode()
def predict(model: AnyLanguage, positions: Positions) -> Prediction:
    """Predict the word at each position from its context, read from a zero state."""
    runtime = kind_of(model).runtime(model, "float32", 0)
    losses, correct, impossible = 0.0, 0, 0
    batches = zip(torch.split(positions.contexts, BATCH_SIZE), torch.split(positions.targets, BATCH_SIZE), strict=True)
    for contexts, targets in batches:
        state = runtime.start(len(targets))
        if contexts.shape[1] > 1:
            state = runtime.prefill(list(contexts[:, :-1]), state)
        logits, _ = runtime.step(contexts[:, -1], state)
        logarithms = torch.log_softmax(logits.double(), dim=-1).gather(1, targets.unsqueeze(1))[:, 0]
        zero = logarithms < ZERO_LOGARITHM
        losses -= float(logarithms[~zero].sum())
        correct += int((logits.argmax(dim=1) == targets).sum())
        impossible += int(zero.sum())
    count = len(positions.targets)
    return Prediction(losses / max(1, count - impossible), correct / count, impossible / count)


def stream_losses(model: AnyLanguage, stream: Tensor, end_id: int) -> Reals:
    """The losses of the words of a stream (N,) after the first, (N - 1,), in nats."""
    if isinstance(model, Ngram):
        return model.losses(stream.numpy(), end_id)
    with torch.inference_mode():
        return score_stream(model, stream).numpy()


def perplexity_of(losses: Reals) -> float:
    """Infinite where a loss is."""
    return float(np.exp(losses.mean())) if len(losses) else float("nan")


def perplexity_by_length(losses: Reals, stream: Tensor, end_id: int) -> dict[str, float]:
    """The perplexity of a stream's texts, by their number of words."""
    ends = (stream[1:] == end_id).nonzero()[:, 0].numpy()
    lengths = np.diff(np.concatenate([[-1], ends]))  # of each text, with its end
    words = np.repeat(lengths, lengths) - 1  # of the text that each loss belongs to
    perplexities = {}
    for low, high in LENGTHS:
        inside = (words >= low) & (words <= high)
        if inside.any():
            title = f"{low} to {high}" if high < LENGTHS[-1][1] else f"{low} or more"
            perplexities[title] = perplexity_of(losses[inside])
    return perplexities


def groups_of(stream: Tensor, counted: Ngram, end_id: int) -> dict[str, NDArray[np.bool_]]:
    """Which words of a stream after its first, (N - 1,), are in the counted text with the two words before them;
    with the one before alone; with neither. counted is an n-gram model of order 3 or more.
    """
    tables = [table.keys for table in counted.tables()[:2]]
    two, three = (nodes[1:] != UNSEEN for _, nodes in walk(tables, stream.numpy(), counted.config.vocabulary, end_id))
    return dict(zip(GROUPS, (three, two & ~three, ~two), strict=True))


@torch.inference_mode()
def classify_pairs(loaded: Checkpoint, pairs: Sequence[Pair], labels: Sequence[str]) -> tuple[float, float]:
    """The share of texts classified correctly, and of pairs of which both are; labels are those of a pair's texts."""
    model = loaded.model
    texts = [loaded.tokenizer.encode(text) for pair in pairs for text in pair]
    known = list(model.config.labels)
    logits = classify_all(kind_of(model).runtime(model, "float32", 0), texts)
    targets = torch.tensor([known.index(label) for label in labels]).repeat(len(pairs))
    correct = (logits.argmax(dim=1) == targets).view(-1, 2)
    return float(correct.double().mean()), float(correct.all(dim=1).double().mean())


@dataclass(frozen=True)
class ContextCost:
    """What a running text costs: bytes that its state has of the words read, and the median seconds of a step."""

    state_bytes: int
    step_s: float


@torch.inference_mode()
def context_costs(model: AnyLanguage, stream: Tensor) -> dict[str, ContextCost]:
    """By the number of words that have been read, in float32 on one thread; fewer where the stream (N,) is shorter."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        runtime = kind_of(model).runtime(model, "float32", 1)
        return {str(words): _context_cost(model, runtime, stream[:words]) for words in READ_WORDS}
    finally:
        torch.set_num_threads(threads)


def _context_cost(model: AnyLanguage, runtime: LanguageRuntime, text: Tensor) -> ContextCost:
    state = runtime.prefill([text], runtime.start(1))
    seconds = []
    for _ in range(TIMED_STEPS):
        start = time.perf_counter()
        runtime.step(text[-1:], state)
        seconds.append(time.perf_counter() - start)
    size = state.row_bytes
    if isinstance(model, Transformer):  # its window has room for all words from the beginning
        size = size * min(len(text), model.config.context) // model.config.context
    return ContextCost(size, float(np.median(seconds)))


@torch.inference_mode()
def request_rate(model: AnyLanguage, stream: Tensor) -> float:
    """Next-word requests a second, one at a time on one thread: a prompt of ten words, the ten most probable words.

    In the runtime that serves the model: int8 for an LSTM.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        runtime = kind_of(model).runtime(model, "int8" if has_int8(model) else "float32", 1)
        prompts = [stream[at : at + PROMPT_WORDS] for at in range(0, max(1, len(stream) - PROMPT_WORDS), 7)][:200]
        _request(runtime, prompts[0])
        requests, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < SPEED_SECONDS:
            _request(runtime, prompts[requests % len(prompts)])
            requests += 1
        return requests / elapsed
    finally:
        torch.set_num_threads(threads)


def _request(runtime: LanguageRuntime, prompt: Tensor) -> None:
    logits, _ = runtime.step(prompt[-1:], runtime.prefill([prompt[:-1]], runtime.start(1)))
    torch.softmax(logits, dim=-1).topk(min(TOP_K, logits.shape[1]))
