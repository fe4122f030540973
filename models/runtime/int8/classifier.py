"""A classifier whose LSTM runs in int8."""

from importlib.util import find_spec

import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from models.batch import Batch
from models.networks.classifier import Classifier
from models.runtime.int8.encoder import Int8Encoder
from models.runtime.int8.onnx import integers, make_model, start_session, value_info
from models.runtime.int8.parallel import TextThreads


class Int8Classifier:
    """A Classifier on a CPU: its LSTM in int8, its pooling and head in float32.

    Each text is computed by itself, several in parallel, so that it is never padded and the results are
    batch-invariant. The LSTM is compiled where Numba is installed (the extra `fast`), and ONNX Runtime's elsewhere: the
    logits of the two differ by hundredths.
    """

    precision = "int8"
    exact = True
    device = torch.device("cpu")

    def __init__(self, model: Classifier, threads: int = 0, compile_lstm: bool | None = None) -> None:
        """threads is how many texts run in parallel; 0 is one a core. compile_lstm is decided by Numba if left out."""
        self._model = model
        self.bias: Tensor = model.head.bias
        if find_spec("numba") is not None if compile_lstm is None else compile_lstm:
            from models.runtime.int8.compiled import CompiledEncoder  # noqa: PLC0415 (an extra)

            self._encode = CompiledEncoder(model.lstm, model.embedding.weight).hidden_states
        else:
            self._encode = Int8Encoder(model.lstm, model.embedding.weight, model.config.hidden).hidden_states
        self._head = start_session(_head_model(model.head), threads=1)
        self._texts = TextThreads(threads)

    def classify(self, batch: Batch, explain: bool) -> tuple[Tensor, Tensor | None]:
        texts = [ids[:length] for ids, length in zip(batch.ids, batch.lengths.tolist(), strict=True)]
        if not explain:
            return torch.cat(self._texts.map(self._logits, texts)), None
        results = [
            self._model.contributions(hidden.unsqueeze(0), torch.tensor([len(hidden)]))
            for hidden in self._texts.map(self._encode, texts)
        ]
        shares = torch.nn.utils.rnn.pad_sequence([share[0] for _, share in results], batch_first=True)  # (B, T, C)
        return torch.cat([logits for logits, _ in results]), shares

    def _logits(self, ids: Tensor) -> Tensor:
        """The logits (1, C) of a text's ids (T,)."""
        (logits,) = self._head.run(["logits"], {"hidden": self._encode(ids).numpy()})
        return torch.from_numpy(logits)


def _head_model(head: torch.nn.Linear) -> bytes:
    """From hidden states (T, 2H) to logits (1, C), by max and mean pooling."""
    arrays = {"weight": head.weight.detach().numpy(), "bias": head.bias.detach().numpy()}
    constants = [integers("time", 0), *(numpy_helper.from_array(array, name) for name, array in arrays.items())]
    nodes = [
        helper.make_node("ReduceMax", ["hidden", "time"], ["max"], keepdims=1),  # (1, 2H)
        helper.make_node("ReduceMean", ["hidden", "time"], ["mean"], keepdims=1),
        helper.make_node("Concat", ["max", "mean"], ["pooled"], axis=1),  # (1, 4H)
        helper.make_node("Gemm", ["pooled", "weight", "bias"], ["logits"], transB=1),
    ]
    hidden = value_info("hidden", TensorProto.FLOAT, "steps", head.in_features // 2)
    return make_model(nodes, [hidden], [value_info("logits", TensorProto.FLOAT, 1, head.out_features)], constants)
