"""Training a language model on a stream of text, with its state carried from batch to batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.config import require_range
from models.errors import DataError
from models.language_model import LanguageModel
from models.recurrent import LSTMState
from models.tokenizer import Tokenizer
from models.training.metrics import evaluate_language, language_stream


@dataclass(frozen=True)
class LanguageTaskConfig:
    """How the stream is cut: into stripes read side by side, and into chunks one after the other."""

    stripes: int = 32
    chunk_tokens: int = 64
    """Gradients flow back through so many steps (truncated backpropagation through time, Williams and Peng 1990)."""

    def __post_init__(self) -> None:
        require_range(self, "stripes", 1, 100_000)
        require_range(self, "chunk_tokens", 1, 100_000)


class LanguageTask:
    """All documents as one stream; validation perplexity per word decides."""

    metric = "perplexity_per_word"
    unit = "tokens"
    higher_is_better = False

    def __init__(
        self,
        model: LanguageModel,
        tokenizer: Tokenizer,
        train: Sequence[str],
        valid: Sequence[str],
        config: LanguageTaskConfig,
    ) -> None:
        """Raise DataError where there are fewer tokens than one chunk of every stripe."""
        self.model, self.tokenizer, self.valid, self.config = model, tokenizer, valid, config
        stream = language_stream(tokenizer, train)
        width = (stream.numel() - 1) // config.stripes
        if width < 1:
            raise DataError(
                f"{stream.numel()} tokens of training text are too few for {config.stripes} stripes; --set stripes=…"
            )
        self.inputs = stream[: width * config.stripes].view(config.stripes, width)
        self.targets = stream[1 : width * config.stripes + 1].view(config.stripes, width)
        self.state: LSTMState | None = None

    def batches(self, epoch: int) -> Sequence[int]:  # noqa: ARG002 — the order of a text is its own
        return range(0, self.inputs.shape[1], self.config.chunk_tokens)

    def loss(self, batch: int) -> tuple[Tensor, int]:
        device = self.model.bias.device
        chunk = slice(batch, batch + self.config.chunk_tokens)
        state = None if batch == 0 else self.state
        logits, after = self.model(self.inputs[:, chunk].to(device), state)  # (B, T, V)
        self.state = after.detach()
        targets = self.targets[:, chunk].to(device)
        return torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten()), targets.numel()

    def validate(self) -> dict[str, float]:
        scores = evaluate_language(self.model, self.tokenizer, self.valid, rows=self.config.stripes)
        return {name: scores[name] for name in ("perplexity_per_word", "perplexity_per_token")}

    def state_dict(self) -> dict[str, Any]:
        return {} if self.state is None else {"hidden": self.state.hidden, "cell": self.state.cell}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        device = self.model.bias.device
        self.state = LSTMState(state["hidden"].to(device), state["cell"].to(device)) if state else None
