"""The gradient of a prediction by what was read before."""

import pytest
import torch

from models.connectivity import connectivity
from models.networks.language_model import LanguageModel, LanguageModelConfig
from models.networks.recurrent import CELLS

IDS = [0, 3, 1, 4, 1, 5]


def language_model(cell: str) -> LanguageModel:
    torch.manual_seed(2)
    return LanguageModel(LanguageModelConfig(8, embedding=4, hidden=6, layers=2, cell=cell)).double().eval()


def logprob(model: LanguageModel, embedded: torch.Tensor, target: int) -> torch.Tensor:
    hidden, _ = model.lstm(embedded)
    return model.score(hidden[0, target - 1]).log_softmax(-1)[IDS[target]]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("target", [1, 3, 5])
def test_it_is_how_much_the_logprob_changes_with_an_embedding(cell: str, target: int) -> None:
    model = language_model(cell)
    with torch.no_grad():
        embedded = model.embedding(torch.tensor([IDS[:target]]))
        expected = []
        for step in range(target):
            changes = []
            for number in range(embedded.shape[-1]):
                moved = [embedded.clone(), embedded.clone()]
                for sign, copy in zip((1, -1), moved, strict=True):
                    copy[0, step, number] += sign * 1e-5
                changes.append((logprob(model, moved[0], target) - logprob(model, moved[1], target)) / 2e-5)
            expected.append(torch.stack(changes).norm())
        value = logprob(model, embedded, target)
    with torch.inference_mode():  # as in the engine
        found, norms = connectivity(model, IDS, target)
    assert found == pytest.approx(float(value))
    torch.testing.assert_close(norms, torch.stack(expected).float(), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_what_comes_later_changes_nothing(cell: str) -> None:
    model = language_model(cell)
    short, long = (connectivity(model, ids, 3) for ids in (IDS[:4], IDS))
    assert short[0] == long[0]
    assert torch.equal(short[1], long[1])
