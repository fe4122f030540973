"""The runtime of a Transformer: its state is a window of keys and values, a value as an LSTM's is."""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.networks.recurrent import RecurrentState
from models.networks.transformer import Transformer
from models.runtime.float import FloatRuntime, in_precision
from models.runtime.interface import SampleByStep
from models.runtime.state import State, join


class FloatTransformer(FloatRuntime, SampleByStep):
    """A Transformer's module. Its state is keys (B, L, W (E + 1)) and values (B, L, W E)."""

    has_zeros = False

    def __init__(self, model: Transformer, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(model.bias.device, dtype)
        self.model = in_precision(model, dtype)
        self.vocabulary = model.config.vocabulary

    def start(self, rows: int) -> State:
        return _rows_first(self.model.start(rows))

    def prefill(self, texts: Sequence[Tensor], state: State) -> State:
        lengths = [len(ids) for ids in texts]
        if len(set(lengths)) == 1:
            ids = torch.stack(list(texts)).to(self.device)  # (B, T)
            return _rows_first(self.model.hidden_states(ids, _layers_first(state))[1])
        return join([self.prefill([ids], state.rows(slice(row, row + 1))) for row, ids in enumerate(texts)])

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        hidden, after = self.model.hidden_states(ids.to(self.device).unsqueeze(1), _layers_first(state))  # (B, 1, E)
        return self.model.score(hidden[:, 0]).float(), _rows_first(after)


def _layers_first(state: State) -> RecurrentState:
    return RecurrentState(*(tensor.transpose(0, 1).contiguous() for tensor in state.tensors))


def _rows_first(state: RecurrentState) -> State:
    return State(tuple(part.transpose(0, 1) for part in state.parts))
