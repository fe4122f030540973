"""Training a language model on sliding windows: each token is predicted from a fixed number of tokens before it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.errors import ConfigError, DataError
from models.networks.language_model import LanguageModel
from models.text.tokenizers import Tokenizer
from trainer.data.store import IdArray
from trainer.evaluation.language import language_stream, token_perplexity
from trainer.evaluation.likelihood import score_windows
from trainer.loop.trainer import Task
from trainer.tasks.language import LanguageTaskConfig, language_loss


def sliding_windows(stream: IdArray, length: int) -> tuple[IdArray, IdArray]:
    """All windows of a stream (N,) that a token follows, (N - length, length), and those tokens, (N - length,).

    Both are views: nothing is copied.
    """
    return np.lib.stride_tricks.sliding_window_view(stream[:-1], length), stream[length:]


class WindowTask(Task[IdArray, IdArray]):
    """Windows in random order, each read from a zero state; validation reads them likewise."""

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
        """As a LanguageTask. Raise DataError for a text shorter than a window; ConfigError for a model that also
        reads backward."""
        if model.config.backward:
            raise ConfigError("a model that also reads backward is trained on a stream; window must be 0")
        self.model, self.config, self.seed = model, config, seed
        self.valid = language_stream(tokenizer, valid)
        for ids, name in ((stream, "training"), (self.valid, "validation")):
            if len(ids) <= config.window:
                raise DataError(f"{len(ids)} tokens of {name} text are too few for windows of {config.window}")
        self.inputs, self.next_ids = sliding_windows(stream, config.window)

    def batches(self, epoch: int) -> Sequence[IdArray]:
        """Indices of windows, in a random order for each epoch."""
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.next_ids))
        size = self.config.batch_size * self.config.bptt
        return [order[begin : begin + size] for begin in range(0, len(order), size)]

    def parts(self, batch: IdArray, count: int) -> Sequence[IdArray]:
        size = -(-len(batch) // count)
        return [batch[begin : begin + size] for begin in range(0, len(batch), size)]

    def targets(self, part: IdArray) -> int:
        return len(part)

    def loss(self, part: IdArray) -> Tensor:
        hidden, _ = self.model.hidden_states(self._ids(self.inputs[part]))  # (B, window, H)
        return language_loss(self.model, hidden[:, -1:], self._ids(self.next_ids[part]).unsqueeze(1), self.config)

    def validate(self) -> dict[str, float]:
        losses = score_windows(self.model, self.valid, self.config.window)
        return {"perplexity_per_token": token_perplexity(float(losses.sum()), len(losses))}

    def _ids(self, ids: Any) -> Tensor:
        return torch.from_numpy(ids.astype(np.int64)).to(self.model.bias.device)
