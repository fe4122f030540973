"""The reference runtimes: the models' own modules, in any floating-point precision."""

from collections.abc import Sequence
from copy import deepcopy
from typing import TypeVar

import torch
from torch import Tensor, nn

from models.batch import Batch
from models.networks.classifier import Classifier
from models.networks.encoder_output import EncoderOutput
from models.networks.language_model import LanguageModel
from models.networks.recurrent import RecurrentState
from models.networks.translator import DecoderState, Translator
from models.runtime.interface import SampleByStep
from models.runtime.state import State

ModelT = TypeVar("ModelT", bound=nn.Module)
PRECISIONS = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}


def in_precision(model: ModelT, dtype: torch.dtype) -> ModelT:
    """The model itself if it has that precision, else a copy in it."""
    return model if next(model.parameters()).dtype == dtype else deepcopy(model).to(dtype)


class FloatRuntime:
    """Device and precision. No float runtime is exact: matrix products sum in an order that depends on the batch."""

    exact = False

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device, self.dtype = device, dtype
        self.precision = PRECISIONS[dtype]


class FloatLanguage(FloatRuntime, SampleByStep):
    """A LanguageModel's module. Its state is hidden and, of LSTMs, cell, (B, L, H) each."""

    has_zeros = False

    def __init__(self, model: LanguageModel, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(model.bias.device, dtype)
        self.model = in_precision(model, dtype)
        self.vocabulary = model.config.vocabulary

    def start(self, rows: int) -> State:
        config = self.model.config
        zeros = torch.zeros(rows, config.layers, config.hidden, dtype=self.dtype, device=self.device)
        return State((zeros, zeros) if config.cell == "lstm" else (zeros,))

    def prefill(self, texts: Sequence[Tensor], state: State) -> State:
        lengths = torch.tensor([len(ids) for ids in texts])
        ids = nn.utils.rnn.pad_sequence(list(texts), batch_first=True).to(self.device)  # (B, T)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.model.embedding(ids), lengths, batch_first=True, enforce_sorted=False
        )
        _, after = self.model.lstm(packed, _layers_first(state))
        return _rows_first(after)

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        hidden, after = self.model.hidden_states(ids.to(self.device).unsqueeze(1), _layers_first(state))  # (B, 1, H)
        return self.model.score(hidden[:, 0]).float(), _rows_first(after)


class FloatClassifier(FloatRuntime):
    """A Classifier whose LSTM runs in dtype; pooling and head stay in float32."""

    def __init__(self, model: Classifier, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(model.head.weight.device, dtype)
        self.model = model
        self.bias: Tensor = model.head.bias
        self._encoder = in_precision(model, dtype)

    def classify(self, batch: Batch, explain: bool) -> tuple[Tensor, Tensor | None]:
        batch = batch.to(self.device)
        hidden = self._encoder.hidden_states(batch.ids, batch.lengths).float()  # (B, T, 2H)
        if explain:
            return self.model.contributions(hidden, batch.lengths)
        pooled, _, _ = self.model.pool(hidden, batch.lengths)
        logits: Tensor = self.model.head(pooled)
        return logits, None


class FloatTranslator(FloatRuntime):
    """A Translator's module. Its state is that of the decoder's bottom and top layer: hidden and, of LSTMs, cell,
    (B, H) each."""

    def __init__(self, model: Translator, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(model.bias.device, dtype)
        self.model = in_precision(model, dtype)
        self.vocabulary = model.config.vocabulary

    def encode(self, source: Batch) -> tuple[EncoderOutput, State]:
        encoded, state = self.model.encode(source.to(self.device))
        return encoded, _flat(state)

    def step(self, ids: Tensor, state: State, encoded: EncoderOutput) -> tuple[Tensor, Tensor, State]:
        beam_size = len(ids) // len(encoded)
        repeated = EncoderOutput(
            *(
                tensor.repeat_interleave(beam_size, dim=0)
                for tensor in (encoded.values, encoded.keys, encoded.copyable, encoded.mask)
            )
        )
        parts = [tensor.unsqueeze(0) for tensor in state.tensors]  # (1, N*K, H) each
        half = len(parts) // 2
        before = DecoderState(RecurrentState(*parts[:half]), RecurrentState(*parts[half:]))
        logprobs, weights, after = self.model.decode(ids.to(self.device).unsqueeze(1), repeated, before)
        return logprobs[:, 0], weights[:, 0], _flat(after)


def _flat(state: DecoderState) -> State:
    return State(tuple(tensor[0] for tensor in (*state.bottom.parts, *state.top.parts)))


def _layers_first(state: State) -> RecurrentState:
    return RecurrentState(*(tensor.transpose(0, 1).contiguous() for tensor in state.tensors))


def _rows_first(state: RecurrentState) -> State:
    return State(tuple(part.transpose(0, 1) for part in state.parts))
