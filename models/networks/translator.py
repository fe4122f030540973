"""A recurrent sequence-to-sequence model with attention, for several directions at once."""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from models.batch import Batch
from models.config import Config, Range
from models.errors import ConfigError
from models.model import Model
from models.networks.attention import Attention
from models.networks.copying import copy_weights, copyable_tokens, mix_logprobs_
from models.networks.dropout import word_dropout
from models.networks.encoder_output import EncoderOutput
from models.networks.recurrent import CELLS, BidirectionalStack, Cell, RecurrentState, run_layer


@dataclass(frozen=True)
class TranslatorConfig(Config):
    """Sizes and directions of a Translator. Raises ConfigError for a value outside its range."""

    vocabulary: Annotated[int, Range(2, 1_000_000)]
    languages: tuple[str, ...]
    directions: tuple[tuple[str, str], ...]
    embedding: Annotated[int, Range(1, 8192)] = 256
    """Size of a token's vector."""
    hidden: Annotated[int, Range(2, 8192)] = 512
    """Units of a decoder layer, and of an encoder layer in both directions together; even."""
    encoder_layers: Annotated[int, Range(1, 16)] = 2
    """Recurrent layers of the encoder; the decoder has two."""
    cell: Cell = "lstm"
    """Of the recurrent layers; `rnn` is Elman's plain one. All but `lstm` are served in float32 only."""
    dropout: Annotated[float, Range(0.0, 0.95)] = 0.3
    """Dropout of embeddings, between recurrent layers, and before the softmax."""
    word_dropout: Annotated[float, Range(0.0, 0.95)] = 0.1
    """Dropout of whole positions of a text."""
    copying: bool = False
    """Whether the decoder can copy tokens of the source: a pointer-generator (See et al. 2017, arXiv:1704.04368)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "languages", tuple(self.languages))
        object.__setattr__(self, "directions", tuple((source, target) for source, target in self.directions))
        super().__post_init__()
        if self.hidden % 2:
            raise ConfigError(f"TranslatorConfig.hidden is {self.hidden}; it must be even")
        if len(set(self.languages)) != len(self.languages):
            raise ConfigError(f"TranslatorConfig.languages {self.languages!r} must be different")
        named = {language for direction in self.directions for language in direction}
        if not self.directions or named != set(self.languages):
            raise ConfigError(
                f"TranslatorConfig.directions {self.directions!r} must use exactly the languages {self.languages!r}"
            )


@dataclass(frozen=True)
class DecoderState:
    """The states of the decoder's two layers, each RecurrentState of (1, B, H)."""

    bottom: RecurrentState
    top: RecurrentState


@dataclass(frozen=True)
class DecoderOutput:
    """Of each step: features (B, T, E) that `score` turns into logits, attention weights (B, T, S), copy weights
    (B, T, S), or None without copying, and the state after step T."""

    features: Tensor
    attention: Tensor
    copied: Tensor | None
    state: DecoderState


class Translator(Model):
    """A bidirectional encoder, attention, and a decoder of two layers.

    After Bahdanau et al. 2014 (arXiv:1409.0473). The hidden state of the decoder's *bottom* layer alone is the
    attention's query, and its top layer reads the context (as in GNMT, arXiv:1609.08144): no step's
    context feeds the next step's query, so teacher forcing runs whole sequences through fused
    kernels. One table of embeddings serves source, target and output. The target language is a
    token before the source (Johnson et al. 2016, arXiv:1611.04558), with ids after the vocabulary's.
    """

    config: TranslatorConfig

    def __init__(self, config: TranslatorConfig) -> None:
        super().__init__()
        self.config = config
        hidden = config.hidden
        self.embedding = nn.Embedding(config.vocabulary + len(config.languages), config.embedding)
        nn.init.normal_(self.embedding.weight, std=config.embedding**-0.5)
        self.encoder = BidirectionalStack(
            config.embedding, hidden // 2, config.encoder_layers, nn.Dropout(config.dropout), config.cell
        )
        self.encoder_norm = nn.LayerNorm(hidden)
        self.bridge = nn.Linear(hidden, 2 * hidden)
        self.bottom = CELLS[config.cell](config.embedding, hidden)
        self.attention = Attention(hidden, hidden)
        self.top = CELLS[config.cell](2 * hidden, hidden)
        self.readout = nn.Linear(2 * hidden, config.embedding)
        self.readout_norm = nn.LayerNorm(config.embedding)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))
        self.copy_gate: nn.Linear | None = None
        if config.copying:
            self.copy_gate = nn.Linear(2 * hidden, 1)
            # the vocabulary has nearly all of the mass until the attention has learned to align
            nn.init.constant_(self.copy_gate.bias, -3.0)
        self.dropout = nn.Dropout(config.dropout)

    def language_id(self, language: str) -> int:
        """The id of the token for a target language. Raises ConfigError for one not trained."""
        if language not in self.config.languages:
            raise ConfigError(f"language {language!r} is none of {', '.join(self.config.languages)}")
        return self.config.vocabulary + self.config.languages.index(language)

    def encode(self, source: Batch) -> tuple[EncoderOutput, DecoderState]:
        """Encode sources, (B, S): the target language's token, the sentence, the end token.

        Returns the encoder output and the decoder's initial state.
        """
        embedded = self.embed(source.ids)  # (B, S, E)
        return self.encoder_output(self.encoder(embedded, source.lengths), source)

    def encoder_output(self, hidden: Tensor, source: Batch) -> tuple[EncoderOutput, DecoderState]:
        """As encode, from the hidden states (B, S, H) of the encoder's layers, which another runtime may compute."""
        values = self.encoder_norm(hidden)  # (B, S, H)
        mask = source.mask
        mean = values.masked_fill(~mask.unsqueeze(-1), 0.0).sum(dim=1) / source.lengths.unsqueeze(1)  # (B, H)
        initial = torch.tanh(self.bridge(mean)).view(-1, 2, self.config.hidden).transpose(0, 1)  # (2, B, H)
        initial = initial.contiguous()
        bottom, top = initial[:1], initial[1:]  # (1, B, H) each
        cell = torch.zeros_like(bottom) if self.config.cell == "lstm" else None
        state = DecoderState(RecurrentState(bottom, cell), RecurrentState(top, cell))
        copyable = copyable_tokens(source.ids, source.lengths)
        return EncoderOutput(values, self.attention.keys(values), copyable, mask), state

    def decode(self, ids: Tensor, encoded: EncoderOutput, state: DecoderState) -> tuple[Tensor, Tensor, DecoderState]:
        """Score the token after each of ids (B, T), the first of which is the end token.

        state is what `encode` or the previous call returned. Returns log-probabilities (B, T, V) float32, attention
        weights (B, T, S) and the state after step T.
        """
        output = self.decode_features(ids, encoded, state)
        logprobs = torch.log_softmax(self.score(output.features).float(), dim=-1)
        if output.copied is not None:
            mix_logprobs_(logprobs.flatten(0, 1), output.copied.flatten(0, 1), encoded.copyable)
        return logprobs, output.attention, output.state

    def decode_features(self, ids: Tensor, encoded: EncoderOutput, state: DecoderState) -> DecoderOutput:
        """As decode, but features instead of log-probabilities: training scores no padding."""
        query, bottom = run_layer(self.bottom, self.embed(ids), state.bottom)  # (B, T, H)
        query = self.dropout(query)
        context, weights = self.attention(query, encoded.keys, encoded.values, encoded.mask)  # (B, T, H), (B, T, S)
        hidden, top = run_layer(self.top, torch.cat([query, context], dim=-1), state.top)  # (B, T, H)
        joined = torch.cat([self.dropout(hidden), context], dim=-1)  # (B, T, 2H)
        features = self.dropout(self.readout_norm(self.readout(joined)))  # (B, T, E)
        copied = None
        if self.copy_gate is not None:
            copied = copy_weights(self.copy_gate(joined).squeeze(-1), weights, encoded.copyable)
        return DecoderOutput(features, weights, copied, DecoderState(bottom, top))

    def score(self, features: Tensor) -> Tensor:
        """Turn features (..., E) into logits (..., V); the language tokens have none."""
        return nn.functional.linear(features, self.embedding.weight[: self.config.vocabulary], self.bias)

    def embed(self, ids: Tensor) -> Tensor:
        """Embed ids (B, T), with whole words dropped in training; return (B, T, E)."""
        embedded: Tensor = self.embedding(ids) * self.config.embedding**0.5
        if self.training and self.config.word_dropout:
            embedded = word_dropout(embedded, self.config.word_dropout)
        dropped: Tensor = self.dropout(embedded)
        return dropped
