"""A recurrent language model."""

from dataclasses import dataclass
from typing import Annotated

from torch import Tensor, nn

from models.config import Config, Range
from models.model import Model
from models.networks.dropout import embedding_dropout, sequence_dropout
from models.networks.recurrent import Cell, RecurrentStack, RecurrentState


@dataclass(frozen=True)
class LanguageModelConfig(Config):
    """Sizes of a LanguageModel, and its dropout in training. Raises ConfigError for a value outside its range."""

    vocabulary: Annotated[int, Range(2, 1_000_000)]
    embedding: Annotated[int, Range(1, 8192)] = 512
    """Size of a token's vector."""
    hidden: Annotated[int, Range(1, 8192)] = 512
    """Units of a recurrent layer."""
    layers: Annotated[int, Range(1, 16)] = 2
    """Recurrent layers."""
    cell: Cell = "lstm"
    """Of the recurrent layers; `rnn` is Elman's plain one. All but `lstm` are served in float32 only."""
    dropout: Annotated[float, Range(0.0, 0.95)] = 0.3
    """Dropout of the first layer's input and of the last layer's output."""
    hidden_dropout: Annotated[float, Range(0.0, 0.95)] = 0.3
    """Dropout between recurrent layers."""
    embedding_dropout: Annotated[float, Range(0.0, 0.95)] = 0.0
    """Dropout of whole words of the vocabulary, wherever a batch has them."""
    variational_dropout: bool = True
    """One dropout mask for all steps of a row, rather than one for each step."""
    backward: bool = False
    """Also train a second stack to predict each token from those after it, for a bidirectional classifier to
    start from (ELMo, arXiv:1802.05365).

    Generating has no use for it."""


class LanguageModel(Model):
    """Embedding, recurrent layers and a softmax tied to the embedding.

    Zaremba et al. 2014 (arXiv:1409.2329) for dropout between layers, and Merity et al. 2017
    (arXiv:1708.02182) for its kinds; Press and Wolf 2017 (arXiv:1608.05859) for the tied weights. Where
    hidden and embedding sizes differ, a linear map brings the hidden state back to the embedding's size.
    """

    config: LanguageModelConfig

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.embedding)
        between = sequence_dropout(config.hidden_dropout, config.variational_dropout)
        sizes = (config.embedding, config.hidden, config.layers)
        # checkpoints have this name, whatever the cell
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
        hidden, state = self.hidden_states(ids, state)
        return self.score(self.dropout(hidden)), state

    def hidden_states(self, ids: Tensor, state: RecurrentState | None = None) -> tuple[Tensor, RecurrentState]:
        """Run the layers over ids (B, T); return the top layer (B, T, H) and the state after step T."""
        hidden: Tensor
        hidden, state = self.lstm(self._embed(ids), state)  # (B, T, H)
        return hidden, state

    def backward_hidden_states(self, ids: Tensor) -> Tensor:
        """Run the backward layers over ids (B, T), last to first; return the top layer (B, T, H), first to last."""
        assert self.backward_lstm is not None
        hidden: Tensor
        hidden, _ = self.backward_lstm(self._embed(ids.flip(1)))  # (B, T, H), reversed
        return hidden.flip(1)

    def score(self, hidden: Tensor) -> Tensor:
        """Turn hidden (..., H) into logits (..., V)."""
        features = self.projection(hidden)  # (..., E)
        return nn.functional.linear(features, self.embedding.weight, self.bias)  # (..., V)

    def _embed(self, ids: Tensor) -> Tensor:
        """Embed ids (B, T), with dropout in training; return (B, T, E)."""
        embedded = self.embedding(ids)
        if self.training and self.config.embedding_dropout:
            embedded = embedding_dropout(embedded, ids, self.config.vocabulary, self.config.embedding_dropout)
        dropped: Tensor = self.dropout(embedded)
        return dropped
