"""A recurrent network that reads a picture column by column and describes it in words."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import torch
from torch import Tensor, nn

from models.batch import padding_mask
from models.config import Config, Range
from models.errors import ConfigError
from models.model import Model
from models.networks.attention import Attention
from models.networks.encoder_output import EncoderOutput
from models.networks.recurrent import BidirectionalStack, RecurrentState, make_lstm, run_layer
from models.networks.translator import DecoderState
from models.pictures import HEIGHT, MULTIPLE

COLUMNS_PER_STEP = MULTIPLE
"""Columns of the picture that one step of the encoder reads: two poolings by 2."""


@dataclass(frozen=True)
class CaptionerConfig(Config):
    """Sizes and languages of a Captioner. Raises ConfigError for a value outside its range."""

    vocabulary: Annotated[int, Range(2, 1_000_000)]
    languages: tuple[str, ...]
    channels: Annotated[int, Range(1, 1024)] = 12
    """Of the first convolution; the second has twice as many, the third three times."""
    hidden: Annotated[int, Range(2, 8192)] = 128
    """Units of a decoder layer, and of the encoder in both directions together; even."""
    embedding: Annotated[int, Range(1, 8192)] = 48
    """Size of a word's vector."""
    dropout: Annotated[float, Range(0.0, 0.95)] = 0.2
    """Dropout of the encoder's inputs and outputs, of embeddings, and before the softmax."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "languages", tuple(self.languages))
        super().__post_init__()
        if self.hidden % 2:
            raise ConfigError(f"CaptionerConfig.hidden is {self.hidden}; it must be even")
        if not self.languages or len(set(self.languages)) != len(self.languages):
            raise ConfigError(f"CaptionerConfig.languages {self.languages!r} must be different, and one at least")


class Captioner(Model):
    """Three small convolutions, a bidirectional LSTM over the columns, attention, and a decoder of two LSTM layers.

    The decoder is that of Show, Attend and Tell (Xu et al. 2015, arXiv:1502.03044) in the form of this project's
    Translator: the bottom layer is the attention's query and the top layer reads the context, so that teacher forcing
    needs no loop over time. The first input of the decoder is the token of the language, with ids after the
    vocabulary's.
    """

    config: CaptionerConfig

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.config = config
        hidden, channels = config.hidden, config.channels
        widths = (1, channels, 2 * channels, 3 * channels)
        self.convolutions = nn.ModuleList(nn.Conv2d(before, after, 3, padding=1) for before, after in pairwise(widths))
        self.column = nn.Linear(widths[-1] * HEIGHT // COLUMNS_PER_STEP, hidden)
        self.column_norm = nn.LayerNorm(hidden)
        self.encoder = BidirectionalStack(hidden, hidden // 2, 1, nn.Dropout(config.dropout))
        self.encoder_norm = nn.LayerNorm(hidden)
        self.bridge = nn.Linear(hidden, 2 * hidden)
        self.embedding = nn.Embedding(config.vocabulary + len(config.languages), config.embedding)
        self.bottom = make_lstm(config.embedding, hidden)
        self.attention = Attention(hidden, hidden)
        self.top = make_lstm(2 * hidden, hidden)
        self.head = nn.Linear(2 * hidden, config.vocabulary)
        self.dropout = nn.Dropout(config.dropout)

    def language_id(self, language: str) -> int:
        """The id of the token for a language. Raises ConfigError for one not trained."""
        if language not in self.config.languages:
            raise ConfigError(f"language {language!r} is none of {', '.join(self.config.languages)}")
        return self.config.vocabulary + self.config.languages.index(language)

    def encode(self, pictures: Tensor, widths: Tensor) -> tuple[EncoderOutput, DecoderState]:
        """Encode pictures (B, 28, W), ink 1 and paper 0, padded with paper on the right to a multiple of 4 columns.

        widths (B,) are the columns of each. Returns the encoder output of W / 4 steps and the decoder's initial state.
        """
        steps = (widths + COLUMNS_PER_STEP - 1) // COLUMNS_PER_STEP  # (B,)
        mask = padding_mask(steps, pictures.shape[2] // COLUMNS_PER_STEP)  # (B, S)
        features = self.column_norm(self.column(self._columns(pictures, steps)))  # (B, S, H)
        values = self.encoder_norm(self.encoder(self.dropout(features), steps))  # (B, S, H)
        mean = values.masked_fill(~mask.unsqueeze(-1), 0.0).sum(dim=1) / steps.unsqueeze(1)  # (B, H)
        initial = torch.tanh(self.bridge(mean)).view(-1, 2, self.config.hidden).transpose(0, 1).contiguous()
        zeros = torch.zeros_like(initial[:1])  # (1, B, H)
        state = DecoderState(RecurrentState(initial[:1], zeros), RecurrentState(initial[1:], zeros))
        values = self.dropout(values)
        nothing = torch.full_like(mask, -1, dtype=torch.int64)  # there is nothing to copy in a picture
        return EncoderOutput(values, self.attention.keys(values), nothing, mask), state

    def decode(self, ids: Tensor, encoded: EncoderOutput, state: DecoderState) -> tuple[Tensor, Tensor, DecoderState]:
        """Score the word after each of ids (B, T), the first of which is the language's token.

        state is what `encode` or the previous call returned. Returns logits (B, T, V), attention weights (B, T, S) and
        the state after step T.
        """
        query, bottom = run_layer(self.bottom, self.dropout(self.embedding(ids)), state.bottom)  # (B, T, H)
        context, weights = self.attention(query, encoded.keys, encoded.values, encoded.mask)  # (B, T, H), (B, T, S)
        hidden, top = run_layer(self.top, torch.cat([query, context], dim=-1), state.top)  # (B, T, H)
        logits = self.head(self.dropout(torch.cat([hidden, context], dim=-1)))  # (B, T, V)
        return logits, weights, DecoderState(bottom, top)

    def _columns(self, pictures: Tensor, steps: Tensor) -> Tensor:
        """Features (B, W / 4, F) of each group of four columns of pictures (B, 28, W), of which steps (B,) are real."""
        hidden = pictures.unsqueeze(1)  # (B, 1, 28, W)
        for depth, convolution in enumerate(self.convolutions):
            hidden = torch.relu(convolution(hidden))
            if depth < 2:
                hidden = nn.functional.max_pool2d(hidden, 2)
            # padding is 0 as beyond a picture's edge: a padded picture is read as it is alone
            scale = hidden.shape[3] // (pictures.shape[2] // COLUMNS_PER_STEP)
            mask = padding_mask(steps * scale, hidden.shape[3])  # (B, W')
            hidden = hidden * mask[:, None, None]
        return hidden.flatten(1, 2).transpose(1, 2)  # (B, C, 7, W / 4) to (B, W / 4, 7 C)
