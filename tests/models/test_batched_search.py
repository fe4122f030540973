"""The search on tensors gives what the search of the service gives."""

import pytest
import torch

from models.batch import pad
from models.decoding.batched_search import search
from models.decoding.beam_search import SearchConfig, translate
from models.networks.translator import Translator, TranslatorConfig
from models.runtime.float import FloatTranslator

END = 0


def runtime(seed: int, bias: float, copying: bool = True) -> FloatTranslator:
    torch.manual_seed(seed)
    model = Translator(TranslatorConfig(20, ("en", "tr"), (("en", "tr"),), 12, 16, copying=copying)).eval()
    for parameter in model.parameters():
        parameter.data *= 3  # far from uniform
    model.bias.data[END] = bias
    return FloatTranslator(model)


def sources() -> list[list[int]]:
    generator = torch.Generator().manual_seed(1)
    return [
        [21, *torch.randint(1, 20, (length,), generator=generator).tolist(), END]
        for length in (3, 1, 7, 12, 5, 5, 2, 9, 1, 4)
    ]


@pytest.mark.parametrize("beam_size", [1, 2, 4])
@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("bias", [0.0, 6.0, -30.0])
def test_it_is_the_best_of_beam_search(beam_size: int, penalty: float, bias: float) -> None:
    model = runtime(3, bias)
    expected = translate(model, sources(), END, SearchConfig(beam_size, penalty))
    found = search([model], pad(sources()), END, beam_size, penalty)
    for index, (best, *_) in enumerate(expected):
        assert bool(found.finished[index]) == best.finished
        if best.finished:
            assert tuple(found.ids[index, : found.lengths[index]].tolist()) == best.ids


def test_an_ensemble_of_one_model_is_that_model() -> None:
    model = runtime(3, 6.0)
    alone, twice = (search(models, pad(sources()), END, 3) for models in ([model], [model, model]))
    assert torch.equal(alone.ids, twice.ids)
    other = search([model, runtime(4, 6.0)], pad(sources()), END, 3)
    assert not torch.equal(other.lengths, alone.lengths)
