"""A recurrent language model: what comes next?"""

from dataclasses import dataclass

from torch import Tensor, nn

from models.config import require_range
from models.networks.dropout import drop_types, sequence_dropout
from models.networks.recurrent import RecurrentStack, RecurrentState, require_cell


@dataclass(frozen=True)
class LanguageModelConfig:
    """Sizes of a LanguageModel, and its noise in training. Raises ConfigError for a value outside its range."""

    vocabulary: int
    embedding: int = 512
    hidden: int = 512
    layers: int = 2
    cell: str = "lstm"
    """Of the layers: lstm, gru or rnn."""
    dropout: float = 0.3
    """Of what enters the first layer and of what leaves the last one."""
    hidden_dropout: float = 0.3
    """Of what passes from layer to layer."""
    embedding_dropout: float = 0.0
    """Of whole words of the vocabulary, wherever a batch has them."""
    variational_dropout: bool = True
    """One mask for all steps of a row, rather than a mask for each step."""
    backward: bool = False
    """Also learn, in a second stack, to predict each token from those after it (ELMo, arXiv:1802.05365), for a
    bidirectional classifier to start from. Generating has no use for it."""

    def __post_init__(self) -> None:
        require_range(self, "vocabulary", 2, 1_000_000)
        require_range(self, "embedding", 1, 8192)
        require_range(self, "hidden", 1, 8192)
        require_range(self, "layers", 1, 16)
        require_cell(self.cell, "LanguageModelConfig")
        for field in ("dropout", "hidden_dropout", "embedding_dropout"):
            require_range(self, field, 0.0, 0.95)


class LanguageModel(nn.Module):
    """Embedding, recurrent layers and a softmax tied to the embedding.

    Zaremba et al. 2014 (arXiv:1409.2329) for dropout between layers, and Merity et al. 2017
    (arXiv:1708.02182) for its kinds; Press and Wolf 2017 (arXiv:1608.05859) for the tied weights. Where
    hidden and embedding sizes differ, a linear map brings the hidden state back to the embedding's size.
    """

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.embedding)
        between = sequence_dropout(config.hidden_dropout, config.variational_dropout)
        sizes = (config.embedding, config.hidden, config.layers)
        # called so in checkpoints, whatever the cell
        self.lstm = RecurrentStack(*sizes, between, config.cell)
        self.backward_lstm = RecurrentStack(*sizes, between, config.cell) if config.backward else None
        self.dropout = sequence_dropout(config.dropout, config.variational_dropout)
        self.projection = (
            nn.Identity() if config.hidden == config.embedding else nn.Linear(config.hidden, config.embedding)
        )
        self.bias = nn.Parameter(self.embedding.weight.new_zeros(config.vocabulary))
        nn.init.normal_(self.embedding.weight, std=config.embedding**-0.5)

    def forward(self, ids: Tensor, state: RecurrentState | None = None) -> tuple[Tensor, RecurrentState]:
        """Score the token after each position.

        ids is (B, T) int64; state is what the previous call returned, or None at the start of a text.
        Returns logits (B, T, V), before softmax, and the state after step T.
        """
        hidden, state = self.read(ids, state)
        return self.score(self.dropout(hidden)), state

    def read(self, ids: Tensor, state: RecurrentState | None = None) -> tuple[Tensor, RecurrentState]:
        """Run the layers over ids (B, T); return the top layer (B, T, H) and the state after step T."""
        hidden: Tensor
        hidden, state = self.lstm(self._embed(ids), state)  # (B, T, H)
        return hidden, state

    def read_backward(self, ids: Tensor) -> Tensor:
        """Run the backward layers over ids (B, T) from the last to the first; return its top layer (B, T, H)."""
        assert self.backward_lstm is not None
        hidden: Tensor
        hidden, _ = self.backward_lstm(self._embed(ids.flip(1)))  # (B, T, H), reversed
        return hidden.flip(1)

    def score(self, hidden: Tensor) -> Tensor:
        """Turn hidden (..., H) into logits (..., V)."""
        features = self.projection(hidden)  # (..., E)
        return nn.functional.linear(features, self.embedding.weight, self.bias)  # (..., V)

    def _embed(self, ids: Tensor) -> Tensor:
        """Embed ids (B, T), with noise in training; return (B, T, E)."""
        embedded = self.embedding(ids)
        if self.training and self.config.embedding_dropout:
            embedded = drop_types(embedded, ids, self.config.vocabulary, self.config.embedding_dropout)
        dropped: Tensor = self.dropout(embedded)
        return dropped
