"""The five questions of a ladder, each as a measurement that is the same for every rung.

Is order kept? Can lengths differ? Does it learn? Do groups of two and three words count? Does a long context survive?
"""

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
from models.runtime.build import has_int8
from models.runtime.interface import LanguageRuntime
from trainer.evaluation.classification import classify_all
from trainer.evaluation.likelihood import score_stream
from trainer.studies.ladder.pairs import Pair

CONTEXTS = (1, 2, 3, 5, 10, 20, 40)
"""Words that a rung is given to expect the next one from."""
PLACES, AT_ONCE = 3_000, 100
LENGTHS = ((1, 10), (11, 20), (21, 30), (31, 10**9))
"""Groups of texts by their words."""
GROUPS = ("with the two before it", "with the one before it", "with neither")
SPEED_SECONDS, PROMPT_WORDS, LISTED = 2.0, 10, 10
NEVER = -60.0
"""A logarithm below it stands for a probability of 0."""
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Expectation:
    """How well words were expected: by mean loss, in nats, how often the likeliest was right, how often the word
    had been held to be impossible."""

    loss: float
    accuracy: float
    impossible: float

    @property
    def perplexity(self) -> float:
        """Infinite where a word had been impossible."""
        return float("inf") if self.impossible else float(np.exp(self.loss))


@dataclass(frozen=True)
class Places:
    """Where in a text the rungs are asked: the words before each place, (N, C), and the word there, (N,)."""

    before: Tensor
    wanted: Tensor

    @classmethod
    def draw(cls, stream: Tensor, seed: int = 1) -> "Places":
        """Some places of a stream (N,) that have enough before them."""
        longest = min(CONTEXTS[-1], len(stream) // 2)
        windows = stream[:-1].unfold(0, longest, 1)  # (N - longest, longest)
        random = torch.Generator().manual_seed(seed)
        chosen = torch.randperm(len(windows), generator=random)[:PLACES]
        return cls(windows[chosen], stream[longest:][chosen])

    def shuffled(self, seed: int = 2) -> "Places":
        """The same words before each place, in another order."""
        order = torch.rand(self.before.shape, generator=torch.Generator().manual_seed(seed)).argsort(dim=1)
        return Places(self.before.gather(1, order), self.wanted)

    def last(self, count: int) -> "Places":
        """With so many of the words before them alone."""
        return Places(self.before[:, -count:], self.wanted)


@torch.inference_mode()
def expect(model: LanguageModel | Ngram, places: Places) -> Expectation:
    """Ask a rung for the word at each place, given the words before it and an empty memory."""
    runtime = kind_of(model).runtime(model, "float32", 0)
    losses, right, impossible = 0.0, 0, 0
    for before, wanted in zip(torch.split(places.before, AT_ONCE), torch.split(places.wanted, AT_ONCE), strict=True):
        state = runtime.start(len(wanted))
        if before.shape[1] > 1:
            state = runtime.prefill(list(before[:, :-1]), state)
        logits, _ = runtime.step(before[:, -1], state)
        own = torch.log_softmax(logits.double(), dim=-1).gather(1, wanted.unsqueeze(1))[:, 0]
        likeliest = logits.argmax(dim=1) == wanted
        never = own < NEVER
        losses -= float(own[~never].sum())
        right += int(likeliest.sum())
        impossible += int(never.sum())
    count = len(places.wanted)
    return Expectation(losses / max(1, count - impossible), right / count, impossible / count)


def read_losses(model: LanguageModel | Ngram, stream: Tensor, end_id: int) -> Reals:
    """The loss of every word of a stream (N,) after its first, (N - 1,), in nats, read from its beginning."""
    if isinstance(model, Ngram):
        return model.losses(stream.numpy(), end_id)
    with torch.inference_mode():
        return score_stream(model, stream).numpy()


def perplexity_of(losses: Reals) -> float:
    """Infinite where one of them is."""
    return float(np.exp(losses.mean())) if len(losses) else float("nan")


def by_length(losses: Reals, stream: Tensor, end_id: int) -> dict[str, float]:
    """The perplexity of a stream's texts, those of like length together."""
    ends = (stream[1:] == end_id).nonzero()[:, 0].numpy()
    lengths = np.diff(np.concatenate([[-1], ends]))  # of each text, with its end
    words = np.repeat(lengths, lengths) - 1  # of the text that each loss belongs to
    found = {}
    for low, high in LENGTHS:
        inside = (words >= low) & (words <= high)
        if inside.any():
            found[f"{low} to {high}" if high < LENGTHS[-1][1] else f"{low} or more"] = perplexity_of(losses[inside])
    return found


def groups_of(stream: Tensor, counted: Ngram, end_id: int) -> dict[str, NDArray[np.bool_]]:
    """Which words of a stream after its first, (N - 1,), stood in the counted text together with the two before them;
    with the last one alone; with neither. counted is an n-gram of order 3 or more.
    """
    tables = [table.keys for table in counted.tables()[:2]]
    two, three = (nodes[1:] != UNSEEN for _, nodes in walk(tables, stream.numpy(), counted.config.vocabulary, end_id))
    return dict(zip(GROUPS, (three, two & ~three, ~two), strict=True))


@torch.inference_mode()
def judge(loaded: Checkpoint, pairs: Sequence[Pair], labels: Sequence[str]) -> tuple[float, float]:
    """The share of texts that are judged rightly, and of pairs of which both are; labels are those of a pair's two."""
    model = loaded.model
    texts = [loaded.tokenizer.encode(text) for pair in pairs for text in pair]
    known = list(model.config.labels)
    logits = classify_all(kind_of(model).runtime(model, "float32", 0), texts)
    wanted = torch.tensor([known.index(label) for label in labels]).repeat(len(pairs))
    right = (logits.argmax(dim=1) == wanted).view(-1, 2)
    return float(right.double().mean()), float(right.all(dim=1).double().mean())


@torch.inference_mode()
def speed(model: LanguageModel | Ngram, stream: Tensor) -> float:
    """Next-word requests a second, one after the other on one thread: ten words are read, ten likeliest are listed.

    The runtime is the one that serves it: int8 for an LSTM.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        runtime = kind_of(model).runtime(model, "int8" if has_int8(model) else "float32", 1)
        prompts = [stream[at : at + PROMPT_WORDS] for at in range(0, max(1, len(stream) - PROMPT_WORDS), 7)][:200]
        _ask(runtime, prompts[0])
        asked, begun = 0, time.perf_counter()
        while (passed := time.perf_counter() - begun) < SPEED_SECONDS:
            _ask(runtime, prompts[asked % len(prompts)])
            asked += 1
        return asked / passed
    finally:
        torch.set_num_threads(threads)


def _ask(runtime: LanguageRuntime, prompt: Tensor) -> None:
    logits, _ = runtime.step(prompt[-1:], runtime.prefill([prompt[:-1]], runtime.start(1)))
    torch.softmax(logits, dim=-1).topk(min(LISTED, logits.shape[1]))
