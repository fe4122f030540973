"""Training a language model on a stream of text, with its state carried from batch to batch."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.config import require_range
from models.errors import DataError
from models.networks.language_model import LanguageModel
from models.networks.recurrent import RecurrentState
from models.text.tokenizers import Tokenizer
from trainer.data.store import IdArray
from trainer.evaluation.language import language_stream, perplexity, score_side_by_side
from trainer.loop.trainer import Task


@dataclass(frozen=True)
class LanguageTaskConfig:
    """How the stream is cut: into stripes read side by side, and into chunks one after the other."""

    stripes: int = 32
    chunk_tokens: int = 64
    """Gradients flow back through so many steps (truncated backpropagation through time, Williams and Peng 1990)."""
    window: int = 0
    """Above 0, the text is no stream: each token is learned from the window of so many before it, read from an empty
    memory, all windows of an epoch in random order. A batch has as many as stripes times chunk_tokens."""
    empty_memory: float = 0.02
    """Share of stripes that read a chunk from an empty memory, as a text does that somebody else begins: without it
    a model is only good once it is warm."""
    label_smoothing: float = 0.0
    activation_penalty: float = 0.0
    """Times the mean square of the top layer's output (Merity et al. 2017, arXiv:1708.01009, who call it alpha and
    take the output after dropout: the same in expectation, where this is 1 / (1 - dropout) times theirs)."""
    change_penalty: float = 0.0
    """Times the mean square of that output's change from step to step (beta, in the same paper)."""

    def __post_init__(self) -> None:
        require_range(self, "stripes", 1, 100_000)
        require_range(self, "chunk_tokens", 1, 100_000)
        require_range(self, "window", 0, 10_000)
        require_range(self, "empty_memory", 0.0, 1.0)
        require_range(self, "label_smoothing", 0.0, 0.9)
        require_range(self, "activation_penalty", 0.0, 1000.0)
        require_range(self, "change_penalty", 0.0, 1000.0)


@dataclass(frozen=True)
class Chunk:
    """Steps begin to end of the stripes first to last; the ends are not among them. Of an epoch."""

    epoch: int
    begin: int
    end: int
    first: int
    last: int


class LanguageTask(Task[Chunk, Chunk]):
    """All documents as one stream; validation perplexity decides: per token, which orders as per word does, and is
    finite where a text is one long word."""

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
        """stream is (N,) ids, in memory or mapped from a file: an end token first, and after each text.

        Raise DataError where there are fewer tokens than one for each stripe.
        """
        self.model, self.config, self.seed = model, config, seed
        self.valid, self.end_id = language_stream(tokenizer, valid), tokenizer.end_id
        self.valid_words = sum(len(text.split()) + 1 for text in valid)
        width = (len(stream) - 1) // config.stripes
        if width < 1:
            raise DataError(
                f"{len(stream)} tokens of training text are too few for {config.stripes} stripes; --set stripes=…"
            )
        self.width = width
        self.inputs = stream[: width * config.stripes].reshape(config.stripes, width)
        self.wanted = stream[1 : width * config.stripes + 1].reshape(config.stripes, width)
        self.state: RecurrentState | None = None

    def batches(self, epoch: int) -> Sequence[Chunk]:
        """Chunks in the order of the text; the first is shorter, so that the cuts fall elsewhere in each epoch."""
        size = self.config.chunk_tokens
        first = random.Random(f"chunks {self.seed}:{epoch}").randint(-(-size // 2), size)
        cuts = [0, *range(min(first, self.width), self.width, size), self.width]
        return [Chunk(epoch, begin, end, 0, self.config.stripes) for begin, end in itertools.pairwise(cuts)]

    def parts(self, batch: Chunk, count: int) -> Sequence[Chunk]:
        size = -(-self.config.stripes // count)
        return [
            Chunk(batch.epoch, batch.begin, batch.end, first, min(first + size, batch.last))
            for first in range(batch.first, batch.last, size)
        ]

    def targets(self, part: Chunk) -> int:
        return (part.end - part.begin) * (part.last - part.first)

    def loss(self, part: Chunk) -> Tensor:
        inputs, wanted = self._ids(self.inputs, part), self._ids(self.wanted, part)  # (B, T)
        hidden, after = self.model.read(inputs, self._before(part))  # (B, T, H)
        self._remember(part, after)
        loss = language_loss(self.model, hidden, wanted, self.config)
        if self.model.config.backward:
            # The chunk from its end to its beginning, with an empty memory: what follows it is yet to be read.
            backward = language_loss(self.model, self.model.read_backward(wanted), inputs, self.config)
            loss = (loss + backward) / 2
        return loss

    def validate(self) -> dict[str, float]:
        losses = score_side_by_side(self.model, self.valid, self.end_id, self.config.stripes)
        total = float(losses.sum())
        return {
            "perplexity_per_word": perplexity(total, self.valid_words),
            "perplexity_per_token": perplexity(total, len(losses)),
        }

    def state_dict(self) -> dict[str, Any]:
        return {} if self.state is None else {"parts": [part.cpu() for part in self.state.parts]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        device = self.model.bias.device
        self.state = RecurrentState(*(part.to(device) for part in state["parts"])) if state else None

    def _ids(self, ids: IdArray, part: Chunk) -> Tensor:
        chunk = ids[part.first : part.last, part.begin : part.end]
        return torch.from_numpy(chunk.astype(np.int64)).to(self.model.bias.device)  # (B, T)

    def _before(self, part: Chunk) -> RecurrentState | None:
        """What the stripes' memories held at the end of the chunk before, of some stripes nothing.

        Nothing at all at the beginning of an epoch.
        """
        if part.begin == 0 or self.state is None:
            return None
        rows = slice(part.first, part.last)
        draw = np.random.default_rng([self.seed, part.epoch, part.begin])
        full = draw.random(self.config.stripes)[rows] >= self.config.empty_memory
        kept = torch.from_numpy(full).to(self.model.bias.device).view(1, -1, 1)  # (1, B, 1)
        return self.state.map(lambda part: part[:, rows] * kept)

    def _remember(self, part: Chunk, after: RecurrentState) -> None:
        if self.state is None:
            self.state = after.map(lambda of: of.new_zeros(of.shape[0], self.config.stripes, of.shape[2]))
        for kept, new in zip(self.state.parts, after.parts, strict=True):
            kept[:, part.first : part.last] = new.detach()


def language_loss(model: LanguageModel, hidden: Tensor, wanted: Tensor, config: LanguageTaskConfig) -> Tensor:
    """Of the top layer's output (B, T, H), where the ids wanted (B, T) should follow: a scalar, penalties included."""
    logits = model.score(model.dropout(hidden))  # (B, T, V)
    loss = torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), wanted.flatten(), label_smoothing=config.label_smoothing
    )
    if config.activation_penalty:
        loss = loss + config.activation_penalty * hidden.float().square().mean()
    if config.change_penalty and hidden.shape[1] > 1:
        loss = loss + config.change_penalty * hidden.float().diff(dim=1).square().mean()
    return loss
