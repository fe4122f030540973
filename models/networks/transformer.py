"""A small Transformer decoder: the last rung of the ladder, for comparison with the recurrent ones."""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from models.config import Config, Range
from models.errors import ConfigError
from models.model import Model
from models.networks.recurrent import RecurrentState

BASE = 10_000.0
"""Of the wave lengths of rotary positions."""


@dataclass(frozen=True)
class TransformerConfig(Config):
    """Sizes of a Transformer. Raises ConfigError for a value outside its range."""

    vocabulary: Annotated[int, Range(2, 1_000_000)]
    embedding: Annotated[int, Range(2, 8192)] = 256
    """Size of a token's vector, and of all hidden vectors."""
    layers: Annotated[int, Range(1, 16)] = 2
    """Blocks of attention and feed-forward network."""
    heads: Annotated[int, Range(1, 64)] = 4
    """Of the attention; each has an even share of the vector."""
    feedforward: Annotated[int, Range(1, 32_768)] = 512
    """Units of the feed-forward network's hidden layer."""
    context: Annotated[int, Range(1, 4096)] = 256
    """Tokens that a token attends to, itself included: what came before them is forgotten."""
    dropout: Annotated[float, Range(0.0, 0.95)] = 0.2
    """Dropout of embeddings, of each block's output, and before the softmax."""

    backward = False
    cell = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.embedding % (2 * self.heads):
            raise ConfigError(f"TransformerConfig.embedding is {self.embedding}; it must be a multiple of 2 × heads")


class Transformer(Model):
    """Pre-norm blocks (Xiong et al. 2020, arXiv:2002.04745) of causal attention (Vaswani et al. 2017, arXiv:1706.03762)
    with rotary positions (Su et al. 2021, arXiv:2104.09864), and a softmax tied to the embedding.

    Its state is a window of the last `context` tokens, of fixed size so that it is a value as an LSTM's is: of each
    layer the keys, each with a number that says whether the slot has one, and the values. Positions are relative, so
    that the window can move on. In training the state is carried from chunk to chunk without a gradient, as in
    Transformer-XL (Dai et al. 2019, arXiv:1901.02860).
    """

    config: TransformerConfig

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.embedding)
        nn.init.normal_(self.embedding.weight, std=config.embedding**-0.5)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.embedding)
        self.dropout = nn.Dropout(config.dropout)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))

    def forward(self, ids: Tensor, state: RecurrentState | None = None) -> tuple[Tensor, RecurrentState]:
        """Score the token after each position of ids (B, T): logits (B, T, V), and the state after step T."""
        hidden, state = self.hidden_states(ids, state)
        return self.score(self.dropout(hidden)), state

    def hidden_states(self, ids: Tensor, state: RecurrentState | None = None) -> tuple[Tensor, RecurrentState]:
        """Run the blocks over ids (B, T) after a state, None at the start of a text; return (B, T, E) and the state."""
        state = self.start(len(ids)) if state is None else state
        assert state.cell is not None
        hidden: Tensor = self.dropout(self.embedding(ids) * self.config.embedding**0.5)  # (B, T, E)
        keys, values = [], []
        for layer, block in enumerate(self.blocks):
            hidden, key, value = block(hidden, state.hidden[layer], state.cell[layer])
            keys.append(key)
            values.append(value)
        return self.norm(hidden), RecurrentState(torch.stack(keys), torch.stack(values))

    def score(self, hidden: Tensor) -> Tensor:
        """Turn hidden (..., E) into logits (..., V)."""
        return nn.functional.linear(hidden, self.embedding.weight, self.bias)

    def start(self, rows: int) -> RecurrentState:
        """The state at the start of texts: keys (L, B, W (E + 1)) and values (L, B, W E), all empty."""
        config, like = self.config, self.bias
        keys = like.new_zeros(config.layers, rows, config.context * (config.embedding + 1))
        return RecurrentState(keys, like.new_zeros(config.layers, rows, config.context * config.embedding))


class Block(nn.Module):
    """Attention over the window and the tokens so far, and a feed-forward network."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config, size = config, config.embedding
        self.attention_norm, self.feedforward_norm = nn.LayerNorm(size), nn.LayerNorm(size)
        self.query_key_value = nn.Linear(size, 3 * size, bias=False)
        self.output = nn.Linear(size, size, bias=False)
        self.feedforward = nn.Sequential(
            nn.Linear(size, config.feedforward), nn.GELU(), nn.Linear(config.feedforward, size)
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, hidden: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From hidden (B, T, E), keys (B, W (E + 1)) and values (B, W E) of the window; returns all three after it."""
        window, size = self.config.context, self.config.embedding
        rows, steps, _ = hidden.shape
        query, key, value = self.query_key_value(self.attention_norm(hidden)).chunk(3, dim=-1)  # (B, T, E) each
        marked = torch.cat([key, key.new_ones(rows, steps, 1)], dim=-1)  # (B, T, E + 1)
        all_keys = torch.cat([keys.view(rows, window, size + 1), marked], dim=1)  # (B, W + T, E + 1)
        all_values = torch.cat([values.view(rows, window, size), value], dim=1)  # (B, W + T, E)
        attended = self._attend(query, all_keys, all_values)
        hidden = hidden + self.dropout(self.output(attended))
        hidden = hidden + self.dropout(self.feedforward(self.feedforward_norm(hidden)))
        return hidden, all_keys[:, -window:].flatten(1), all_values[:, -window:].flatten(1)

    def _attend(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """The attention's output (B, T, E): each step attends to the last W tokens, itself included."""
        rows, steps, size = query.shape
        positions = torch.arange(keys.shape[1], device=keys.device)
        distance = positions[-steps:].unsqueeze(1) - positions.unsqueeze(0)  # (T, W + T)
        near = (distance >= 0) & (distance < self.config.context)
        mask = near & (keys[..., -1] > 0).unsqueeze(1)  # (B, T, W + T)
        heads = self.config.heads

        def split(tensor: Tensor) -> Tensor:
            return tensor.view(rows, -1, heads, size // heads).transpose(1, 2)  # (B, N, T, E / N)

        context = nn.functional.scaled_dot_product_attention(
            rotated(split(query), positions[-steps:]), rotated(split(keys[..., :-1]), positions), split(values),
            attn_mask=mask.unsqueeze(1),
        )  # fmt: skip
        return context.transpose(1, 2).flatten(2)


def rotated(vectors: Tensor, positions: Tensor) -> Tensor:
    """Vectors (B, N, T, D) turned by their positions (T,), so that products depend on distances alone."""
    half = vectors.shape[-1] // 2
    waves = BASE ** (-torch.arange(half, device=vectors.device) / half)  # (D / 2,)
    angles = positions.unsqueeze(1) * waves  # (T, D / 2)
    cosine, sine = angles.cos().to(vectors.dtype), angles.sin().to(vectors.dtype)
    first, second = vectors[..., :half], vectors[..., half:]
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1)
