"""A translator in int8."""

import math

import torch
from torch import Tensor

from models.batch import Batch
from models.runtime.int8 import Int8Cell, Int8Linear, gate_order, quantize_hidden, quantize_within
from models.runtime.int8_reader import Int8Reader
from models.runtime.state import Memory, State
from models.translator import Translator

NORMED_RANGE = 5.0  # a layer norm's output is within so many of its gains around its bias, but for one in a million


class Int8Translator:
    """A Translator on a CPU.

    Attention is in float32, all else in int8. Its state is hidden (B, H) uint8 and cell (B, H) float32
    of bottom and top. What a layer norm puts out is quantized by a range for each feature, taken from
    the norm's gain and bias: no data is needed to calibrate it.
    """

    precision = "int8"
    exact = False  # attention adds up floats
    device = torch.device("cpu")

    def __init__(self, model: Translator, threads: int = 0) -> None:
        """So many sentences are encoded at the same time; 0 is one a core."""
        config = model.config
        self.vocabulary, self.hidden = config.vocabulary, config.hidden
        self._model = model
        embedding = model.embedding.weight.detach().float()
        self._encoder = Int8Reader(model.encoder, embedding * config.embedding**0.5, config.hidden // 2, threads)
        inputs, recurrent, bias = lstm_weights(model.bottom)
        self._table = (embedding * config.embedding**0.5 @ inputs.T + bias)[:, gate_order(config.hidden)]  # (V', 4H)
        self._bottom = Int8Cell(recurrent, None)
        context_range = _normed_range(model.encoder_norm)  # a context is a mean of the encoder's outputs
        ones = torch.ones(config.hidden)
        inputs, recurrent, bias = lstm_weights(model.top)
        # the top layer reads query, context and its own hidden state; the readout, hidden state and context
        self._top = Int8Cell(torch.cat([inputs, recurrent], dim=1), bias, torch.cat([ones, context_range, ones]))
        self._context_range = context_range
        self._readout = Int8Linear(model.readout.weight, model.readout.bias, torch.cat([ones, context_range]))
        self._softmax = Int8Linear(embedding[: config.vocabulary], model.bias, _normed_range(model.readout_norm))

    def encode(self, source: Batch) -> tuple[Memory, State]:
        model = self._model
        rows = [ids[:length] for ids, length in zip(source.ids, source.lengths.tolist(), strict=True)]
        encoded = torch.nn.utils.rnn.pad_sequence(self._encoder.read(rows), batch_first=True)  # (N, S, H)
        memory = model.remember(encoded, source)
        hidden = quantize_hidden(memory.initial)  # (2, B, H)
        zeros = torch.zeros_like(memory.initial[0])
        state = State((hidden[0], zeros, hidden[1], zeros))
        return Memory(memory.values, memory.keys / math.sqrt(self.hidden), memory.mask), state

    def step(self, ids: Tensor, state: State, memory: Memory) -> tuple[Tensor, Tensor, State]:
        bottom_hidden, bottom_cell, top_hidden, top_cell = state.tensors
        bottom_out, top_out = torch.empty_like(bottom_cell), torch.empty_like(top_cell)
        query = self._bottom(bottom_hidden, bottom_cell, bottom_out, self._table[ids])  # (B, H)
        context, weights = self._attend(query, memory)
        quantized_query = quantize_hidden(query)
        quantized_context = quantize_within(context, self._context_range)
        hidden = self._top(
            torch.cat([quantized_query, quantized_context, top_hidden], dim=1), top_cell, top_out
        )  # (B, H)
        quantized = quantize_hidden(hidden)
        features = self._readout(torch.cat([quantized, quantized_context], dim=1))  # (B, E)
        logits = self._softmax(self._softmax.quantize(self._model.readout_norm(features)))  # (B, V)
        return logits, weights, State((quantized_query, bottom_out, quantized, top_out))

    def _attend(self, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Context (N*K, H) and weights (N*K, S) of query (N*K, H): one product a source serves its K outputs."""
        grouped = query.view(len(memory), -1, self.hidden)  # (N, K, H)
        scores = torch.bmm(grouped, memory.keys.transpose(1, 2))  # (N, K, S)
        weights = torch.softmax(scores.masked_fill_(~memory.mask.unsqueeze(1), float("-inf")), dim=-1)
        context = torch.bmm(weights, memory.values)  # (N, K, H)
        return context.view(-1, self.hidden), weights.view(len(query), -1)


def lstm_weights(lstm: torch.nn.LSTM) -> tuple[Tensor, Tensor, Tensor]:
    """Input weights (4H, I), recurrent weights (4H, H) and the sum of the biases (4H,) of a layer."""
    weights = [parameter.detach().float() for parameter in lstm.parameters()]
    return weights[0], weights[1], weights[2] + weights[3]


def _normed_range(norm: torch.nn.LayerNorm) -> Tensor:
    return (norm.weight.detach().abs() * NORMED_RANGE + norm.bias.detach().abs()).float().clamp_min(1e-6)
