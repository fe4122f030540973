"""A recurrent language model: what comes next?"""

from dataclasses import dataclass

from torch import Tensor, nn

from models.config import require_range
from models.recurrent import LSTMState, make_lstm


@dataclass(frozen=True)
class LanguageModelConfig:
    """Sizes of a LanguageModel. Raises ConfigError for a value outside its range."""

    vocabulary: int
    embedding: int = 512
    hidden: int = 512
    layers: int = 2
    dropout: float = 0.3

    def __post_init__(self) -> None:
        require_range(self, "vocabulary", 2, 1_000_000)
        require_range(self, "embedding", 1, 8192)
        require_range(self, "hidden", 1, 8192)
        require_range(self, "layers", 1, 16)
        require_range(self, "dropout", 0.0, 0.95)


class LanguageModel(nn.Module):
    """Embedding, stacked LSTM and a softmax tied to the embedding.

    Zaremba et al. 2014 (arXiv:1409.2329) for dropout between layers; Press and Wolf 2017
    (arXiv:1608.05859) for the tied weights. Where hidden and embedding sizes differ, a linear map
    brings the hidden state back to the embedding's size.
    """

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.embedding)
        self.lstm = make_lstm(config.embedding, config.hidden, config.layers, config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.projection = (
            nn.Identity() if config.hidden == config.embedding else nn.Linear(config.hidden, config.embedding)
        )
        self.bias = nn.Parameter(self.embedding.weight.new_zeros(config.vocabulary))
        nn.init.normal_(self.embedding.weight, std=config.embedding**-0.5)

    def forward(self, ids: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """Score the token after each position.

        ids is (B, T) int64; state is what the previous call returned, or None at the start of a text.
        Returns logits (B, T, V), before softmax, and the state after step T.
        """
        hidden, state = self.read(ids, state)
        return self.score(hidden), state

    def read(self, ids: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """Run the LSTM over ids (B, T); return the top layer (B, T, H) and the state after step T."""
        hidden, (last_hidden, last_cell) = self.lstm(self.dropout(self.embedding(ids)), state)  # (B, T, H)
        return hidden, LSTMState(last_hidden, last_cell)

    def score(self, hidden: Tensor) -> Tensor:
        """Turn hidden (..., H) into logits (..., V)."""
        features = self.projection(self.dropout(hidden))  # (..., E)
        return nn.functional.linear(features, self.embedding.weight, self.bias)  # (..., V)
