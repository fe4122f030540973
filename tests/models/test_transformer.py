"""The Transformer of the ladder: its state is a value, as an LSTM's is."""

import pytest
import torch

from models.errors import ConfigError
from models.networks.language_model import LanguageModel, LanguageModelConfig
from models.networks.transformer import Transformer, TransformerConfig
from models.runtime.state import unpack
from models.runtime.transformer import FloatTransformer
from trainer.studies.ladder.rungs import transformer_sizes

VOCABULARY = 30
CONTEXT = 6


@pytest.fixture
def model() -> Transformer:
    torch.manual_seed(1)
    config = TransformerConfig(VOCABULARY, embedding=8, layers=2, heads=2, feedforward=12, context=CONTEXT)
    return Transformer(config).eval()


@pytest.fixture
def ids() -> torch.Tensor:
    return torch.randint(VOCABULARY, (3, 20), generator=torch.Generator().manual_seed(2))


@torch.inference_mode()
def test_chunks_and_steps_are_one_text(model: Transformer, ids: torch.Tensor) -> None:
    whole, last = model(ids)
    for size in (1, 3, 7):
        state, parts = None, []
        for chunk in ids.split(size, dim=1):
            logits, state = model(chunk, state)
            parts.append(logits)
        assert torch.allclose(torch.cat(parts, dim=1), whole, atol=1e-5)
        assert all(map(lambda one, other: torch.allclose(one, other, atol=1e-5), state.parts, last.parts))


@torch.inference_mode()
def test_no_step_sees_what_follows(model: Transformer, ids: torch.Tensor) -> None:
    other = ids.clone()
    other[:, 10:] = (other[:, 10:] + 1) % VOCABULARY
    assert torch.allclose(model(ids)[0][:, :10], model(other)[0][:, :10], atol=1e-5)


@torch.inference_mode()
def test_what_is_before_the_window_of_every_layer_is_forgotten(model: Transformer, ids: torch.Tensor) -> None:
    reach = model.config.layers * (CONTEXT - 1) + 1  # each layer sees so far, and what that saw
    other = ids.clone()
    other[:, 0] = (other[:, 0] + 1) % VOCABULARY
    first, second = model(ids)[0], model(other)[0]
    assert not torch.allclose(first[:, reach - 1], second[:, reach - 1], atol=1e-6)
    assert torch.allclose(first[:, reach:], second[:, reach:], atol=1e-5)


@torch.inference_mode()
def test_rows_join_leave_and_are_packed(model: Transformer, ids: torch.Tensor) -> None:
    runtime = FloatTransformer(model)
    texts = [ids[0, :4], ids[1, :9], ids[2, :2]]
    together = runtime.prefill(texts, runtime.start(3))
    step = torch.tensor([5, 6, 7])
    logits, _ = runtime.step(step, together)
    for row, text in enumerate(texts):
        alone = runtime.prefill([text], runtime.start(1))
        assert torch.allclose(runtime.step(step[row : row + 1], alone)[0], logits[row : row + 1], atol=1e-5)
        restored = unpack(together.rows(slice(row, row + 1)).pack(), runtime.start(1))
        assert torch.equal(
            runtime.step(step[row : row + 1], restored)[0],
            runtime.step(step[row : row + 1], together.rows(slice(row, row + 1)))[0],
        )


@pytest.mark.parametrize(("embedding", "hidden", "layers"), [(200, 200, 2), (96, 128, 1), (32, 64, 3)])
def test_the_last_rung_has_as_many_parameters_as_the_lstm(embedding: int, hidden: int, layers: int) -> None:
    last = Transformer(TransformerConfig(1000, **transformer_sizes(embedding, hidden, layers)))
    lstm = LanguageModel(LanguageModelConfig(1000, embedding=embedding, hidden=hidden, layers=layers))
    counts = [sum(map(torch.numel, model.parameters())) for model in (last, lstm)]
    assert counts[0] == pytest.approx(counts[1], rel=0.005)


def test_a_wrong_size_is_named() -> None:
    with pytest.raises(ConfigError, match="multiple of 2 × heads"):
        TransformerConfig(10, embedding=10, heads=4)
