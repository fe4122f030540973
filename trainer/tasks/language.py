"""Training a language model on a stream of text, the state carried from batch to batch."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from models.config import Config, FormerName, Range
from models.errors import DataError
from models.networks.language_model import LanguageModel
from models.networks.recurrent import RecurrentState
from models.text.tokenizers import Tokenizer
from trainer.data.store import IdArray
from trainer.evaluation.language import language_stream, perplexity, token_perplexity
from trainer.evaluation.likelihood import score_in_parallel
from trainer.loop.trainer import Task


@dataclass(frozen=True)
class LanguageTaskConfig(Config):
    """How the stream is batched: into rows read in parallel, and into chunks of consecutive steps."""

    batch_size: Annotated[int, Range(1, 100_000), FormerName("stripes")] = 32
    """Rows of a batch: parts of the text that are read in parallel."""
    bptt: Annotated[int, Range(1, 100_000), FormerName("chunk_tokens")] = 64
    """Steps of truncated backpropagation through time (Williams and Peng 1990)."""
    window: Annotated[int, Range(0, 10_000)] = 0
    """Above 0, sliding windows instead of a stream: each token is predicted from so many before it alone.

    All windows of an epoch come in random order, each read from a zero state; a batch has batch_size * bptt."""
    state_reset: Annotated[float, Range(0.0, 1.0), FormerName("empty_memory")] = 0.02
    """Probability that a row reads a chunk from a zero state, as a prompt is read.

    Without it a model is only good after a warm-up context."""
    join_texts: Annotated[float, Range(0.0, 0.99)] = 0.0
    """Probability that a text goes on into the next one: the end token between them is left out.

    For texts that are shorter than what the model is to write."""
    label_smoothing: Annotated[float, Range(0.0, 0.9)] = 0.0
    """Share of the target that is spread evenly over all tokens (Szegedy et al. 2015, arXiv:1512.00567)."""
    ar_alpha: Annotated[float, Range(0.0, 1000.0), FormerName("activation_penalty")] = 0.0
    """Activation regularization, AWD-LSTM's alpha (Merity et al. 2017, arXiv:1708.01009).

    Multiplies the mean square of the top layer's output. The paper takes that output after dropout: the same in
    expectation, where this alpha is 1 / (1 - dropout) times theirs."""
    tar_beta: Annotated[float, Range(0.0, 1000.0), FormerName("change_penalty")] = 0.0
    """Temporal activation regularization, AWD-LSTM's beta.

    Multiplies the mean square of that output's change from step to step."""


@dataclass(frozen=True)
class Chunk:
    """Steps begin to end (exclusive) of the rows first to last (exclusive), in an epoch."""

    epoch: int
    begin: int
    end: int
    first: int
    last: int


class LanguageTask(Task[Chunk, Chunk]):
    """All documents as one stream; the metric is validation perplexity per token: it ranks models as perplexity per
    word does, and stays finite where a text is one long word."""

    metric = "perplexity_per_token"
    unit = "tokens"
    higher_is_better = False
    model: LanguageModel

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: Tokenizer,
        stream: IdArray,
        valid: Sequence[str],
        config: LanguageTaskConfig,
        seed: int,
    ) -> None:
        """stream is (N,) ids, in memory or mapped from a file: an end token first and after each text.

        Raise DataError where there are fewer tokens than rows.
        """
        self.model, self.config, self.seed = model, config, seed
        self.valid, self.end_id = language_stream(tokenizer, valid), tokenizer.end_id
        self.valid_words = sum(len(text.split()) + 1 for text in valid)
        width = (len(stream) - 1) // config.batch_size
        if width < 1:
            raise DataError(
                f"{len(stream)} tokens of training text are too few for {config.batch_size} rows; --set batch_size=…"
            )
        self.width = width
        self.inputs = stream[: width * config.batch_size].reshape(config.batch_size, width)
        self.next_ids = stream[1 : width * config.batch_size + 1].reshape(config.batch_size, width)
        self.state: RecurrentState | None = None

    def batches(self, epoch: int) -> Sequence[Chunk]:
        """Chunks in the order of the text; the first has a random length, so that each epoch has other cuts."""
        size = self.config.bptt
        first = random.Random(f"chunks {self.seed}:{epoch}").randint(-(-size // 2), size)
        cuts = [0, *range(min(first, self.width), self.width, size), self.width]
        return [Chunk(epoch, begin, end, 0, self.config.batch_size) for begin, end in itertools.pairwise(cuts)]

    def parts(self, batch: Chunk, count: int) -> Sequence[Chunk]:
        size = -(-self.config.batch_size // count)
        return [
            Chunk(batch.epoch, batch.begin, batch.end, first, min(first + size, batch.last))
            for first in range(batch.first, batch.last, size)
        ]

    def targets(self, part: Chunk) -> int:
        return (part.end - part.begin) * (part.last - part.first)

    def loss(self, part: Chunk) -> Tensor:
        inputs, targets = self._ids(self.inputs, part), self._ids(self.next_ids, part)  # (B, T)
        hidden, state = self.model.hidden_states(inputs, self._initial_state(part))  # (B, T, H)
        self._store_state(part, state)
        loss = language_loss(self.model, hidden, targets, self.config)
        if self.model.config.backward:
            # From a zero state: the text after the chunk, whose state would precede it, has not been read yet.
            backward = language_loss(self.model, self.model.backward_hidden_states(targets), inputs, self.config)
            loss = (loss + backward) / 2
        return loss

    def validate(self) -> dict[str, float]:
        losses = score_in_parallel(self.model, self.valid, self.end_id, self.config.batch_size)
        total = float(losses.sum())
        return {
            "perplexity_per_word": perplexity(total, self.valid_words),
            "perplexity_per_token": token_perplexity(total, len(losses)),
        }

    def state_dict(self) -> dict[str, Any]:
        return {} if self.state is None else {"parts": [part.cpu() for part in self.state.parts]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        device = self.model.bias.device
        self.state = RecurrentState(*(part.to(device) for part in state["parts"])) if state else None

    def _ids(self, ids: IdArray, part: Chunk) -> Tensor:
        chunk = ids[part.first : part.last, part.begin : part.end]
        return torch.from_numpy(chunk.astype(np.int64)).to(self.model.bias.device)  # (B, T)

    def _initial_state(self, part: Chunk) -> RecurrentState | None:
        """The state after the chunk before, zero for a random share of the rows; None at the start of an epoch."""
        if part.begin == 0 or self.state is None:
            return None
        rows = slice(part.first, part.last)
        generator = np.random.default_rng([self.seed, part.epoch, part.begin])
        carried = generator.random(self.config.batch_size)[rows] >= self.config.state_reset
        mask = torch.from_numpy(carried).to(self.model.bias.device).view(1, -1, 1)  # (1, B, 1)
        return self.state.map(lambda value: value[:, rows] * mask)

    def _store_state(self, part: Chunk, state: RecurrentState) -> None:
        if self.state is None:
            self.state = state.map(
                lambda value: value.new_zeros(value.shape[0], self.config.batch_size, value.shape[2])
            )
        for stored, new in zip(self.state.parts, state.parts, strict=True):
            stored[:, part.first : part.last] = new.detach()


def joined_texts(stream: IdArray, end_id: int, share: float, seed: int) -> IdArray:
    """A stream (N,) without a random share of its end tokens, but for the first and the last."""
    kept = (stream != end_id) | (np.random.default_rng(seed).random(len(stream)) >= share)
    kept[[0, -1]] = True
    joined: IdArray = stream[kept]
    return joined


def language_loss(model: LanguageModel, hidden: Tensor, targets: Tensor, config: LanguageTaskConfig) -> Tensor:
    """The loss, a scalar, of the top layer's output (B, T, H) for the ids targets (B, T), AR and TAR included."""
    logits = model.score(model.dropout(hidden))  # (B, T, V)
    loss = torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), label_smoothing=config.label_smoothing
    )
    if config.ar_alpha:
        loss = loss + config.ar_alpha * hidden.float().square().mean()
    if config.tar_beta and hidden.shape[1] > 1:
        loss = loss + config.tar_beta * hidden.float().diff(dim=1).square().mean()
    return loss
