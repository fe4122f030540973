"""POST /inspect."""

from typing import Annotated, Self

from pydantic import Field, PlainSerializer, model_validator

from app.http.schemas.base import ARRAY, Reply, Request, Text, example, never
from app.http.schemas.models import TokenSpan
from models.gates import Direction, Find

MAX_UNITS = 64
MAX_SPANS = 200
Numbers = Annotated[
    list[Annotated[float, PlainSerializer(lambda value: round(value, 4))]],
    Field(description="A number for each token, to four decimals."),
]
Number = Annotated[float, PlainSerializer(lambda value: round(value, 4))]
Norms = Annotated[
    list[Annotated[float, PlainSerializer(lambda value: float(f"{value:.4g}"))]],
    Field(description="A number for each token before, to four digits."),
]


class MarkedSpan(Request):
    """Characters of the text; they mark each token that has one of them, its white space aside."""

    start: int = Field(ge=0, description="The first character, counted in Unicode code points from 0.")
    end: int = Field(ge=1, description="The character after the last.")


class InspectRequest(Request):
    model_config = example(
        {"allOf": [never(marked=ARRAY, units=ARRAY), never(marked=ARRAY, find={"const": "counters"})]},
        text="The man who sees the dogs is old.",
        model="language-en",
        top=2,
    )

    text: Text = Field(description="The text to read.")
    model: str | None = Field(
        None,
        max_length=200,
        description="A language model or a classifier; by default, a language model for the text's language.",
    )
    layer: int | None = Field(None, ge=0, description="Index of the layer, from 0; by default, the last.")
    direction: Direction = Field("forward", description="A classifier reads both ways.")
    units: list[Annotated[int, Field(ge=0)]] | None = Field(
        None,
        min_length=1,
        max_length=MAX_UNITS,
        description="Indices of units; by default, those that `find` says.",
    )
    top: int = Field(12, ge=1, le=MAX_UNITS, description="Number of units, where none are named.")
    find: Find = Field(
        "cell",
        description="Units whose cell or hidden state changed most; counters: cells that move in one direction.",
    )
    marked: list[MarkedSpan] | None = Field(
        None,
        min_length=1,
        max_length=MAX_SPANS,
        description="Marks words: the units come first whose cell (a GRU's and an RNN's: hidden state) or, with `find` "
        "hidden, hidden state is high at the marked tokens and low at the others. Not with `units` or counters.",
    )
    connectivity: int | None = Field(
        None,
        ge=0,
        description="Index of a token of the text: how strongly does its probability depend on each token before it? "
        "For language models.",
    )

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.marked is not None and self.units is not None:
            raise ValueError("marked finds units, and does not go with units")
        if self.marked is not None and self.find == "counters":
            raise ValueError("marked goes with find = cell or hidden only")
        return self


class InspectedUnit(Reply):
    """Of an LSTM, cell = forget * (previous cell) + input * candidate, and hidden = output * tanh(cell).

    Of a GRU, hidden = update * (previous hidden) + (1 - update) * candidate. A plain RNN has its hidden state only.
    """

    unit: int = Field(description="Its index in the layer.")
    change: float = Field(description="How far the cell, or without one the hidden state, moved, summed over steps.")
    score: Number | None = Field(
        None,
        description="With marked: the correlation of its state with the mark (1 at marked tokens, 0 at others), "
        "from -1 to 1: 1 where the state is high at just the marked tokens.",
    )
    input: Numbers | None = Field(None, description="Of an LSTM: the input gate, from 0 to 1.")
    forget: Numbers | None = Field(None, description="Of an LSTM: the forget gate, from 0 to 1.")
    candidate: Numbers | None = Field(
        None, description="Of an LSTM and a GRU: what the unit would write, from -1 to 1."
    )
    output: Numbers | None = Field(None, description="Of an LSTM: the output gate, from 0 to 1.")
    cell: Numbers | None = Field(None, description="Of an LSTM: the cell state after each token.")
    reset: Numbers | None = Field(None, description="Of a GRU: the reset gate, from 0 to 1.")
    update: Numbers | None = Field(None, description="Of a GRU: the update gate, from 0 to 1.")
    hidden: Numbers = Field(description="The hidden state after each token, from -1 to 1.")
    start_cell: Number | None = Field(None, description="Of an LSTM: the cell state before the first token it reads.")
    start_hidden: Number = Field(
        description="The hidden state before the first token it reads; not 0 in a language model, which reads an end "
        "token before the text."
    )


class InspectedConnectivity(Reply):
    token: int = Field(description="Index of the token.")
    logprob: float = Field(description="Natural logarithm of its probability.")
    norms: Norms = Field(
        description="Of the gradient of that logarithm by the embedding of each token before it, the first one first."
    )


class InspectReply(Reply):
    model: str = Field(description="The model that read the text.")
    cells: str = Field(description="Of the model's layers: lstm, gru or rnn.")
    layer: int = Field(description="Index of the layer, from 0.")
    layers: int = Field(description="Number of layers in the model.")
    hidden: int = Field(description="Number of units in a layer.")
    direction: Direction = Field(description="In which the layer reads: forward, or backward.")
    directions: list[Direction] = Field(description="In which the model reads.")
    tokens: list[TokenSpan] = Field(description="The text's tokens, with their spans.")
    change: Numbers = Field(description="How far each token moved the cells of the layer, the mean over its units.")
    marked: list[int] | None = Field(None, description="With marked: the indices of the marked tokens.")
    units: list[InspectedUnit] = Field(
        description="The units, in the order of `units`, or by what `find` looks for, or by their `score`."
    )
    connectivity: InspectedConnectivity | None = Field(None, description="Of the token that was requested.")
