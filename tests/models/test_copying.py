"""The pointer-generator, and reserved symbols in the search."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from models.batch import pad
from models.decoding.beam_search import SearchConfig, translate
from models.networks.copying import copy_weights, copyable_tokens, mix_logprobs_, target_logprobs
from models.networks.translator import Translator, TranslatorConfig
from models.runtime.float import FloatTranslator
from models.runtime.int8.translator import Int8Translator

SYMBOLS = (3, 4, 5)
SOURCES = [[40, 7, 8, 7, 9, 0], [40, 3, 6, 0], [40, 10, 4, 3, 11, 12, 0], [40, 5, 4, 3, 0]]


@pytest.fixture(params=[True, False], ids=["copying", "plain"])
def model(request: pytest.FixtureRequest) -> Translator:
    torch.manual_seed(2)
    config = TranslatorConfig(
        40, ("en", "tr"), (("en", "tr"), ("tr", "en")), embedding=24, hidden=32, copying=request.param
    )
    model = Translator(config).eval()
    with torch.no_grad():
        model.embedding.weight *= 3
        model.bias[0] += 1.0
        if model.copy_gate is not None:
            model.copy_gate.bias.fill_(0.5)
    return model


def distribution(logprobs: Tensor, gate: Tensor, attention: Tensor, tokens: Tensor) -> Tensor:
    """The mixture of See et al. as it is written, one row and one position at a time."""
    result = logprobs.exp()
    copy = torch.sigmoid(gate)
    for row in range(len(result)):
        copied = torch.zeros_like(result[row])
        for position, token in enumerate(tokens[row // 2].tolist()):
            if token >= 0:
                copied[token] += copy[row] * attention[row, position]
        result[row] = result[row] * (1 - copied.sum()) + copied
    return result


def test_the_mixture_is_that_of_the_paper_and_sums_to_one() -> None:
    torch.manual_seed(1)
    batch = pad(SOURCES)
    tokens = copyable_tokens(batch.ids, batch.lengths)
    logprobs = torch.log_softmax(torch.randn(8, 40), dim=1)
    gate = torch.randn(8) * 4
    attention = torch.softmax(torch.randn(8, tokens.shape[1]), dim=1)
    expected = distribution(logprobs, gate, attention, tokens)
    weights = copy_weights(gate.unsqueeze(1), attention.unsqueeze(1), tokens.repeat_interleave(2, dim=0)).squeeze(1)
    mixed = mix_logprobs_(logprobs.clone(), weights, tokens).exp()
    torch.testing.assert_close(mixed, expected)
    torch.testing.assert_close(mixed.sum(dim=1), torch.ones(8))
    for row in range(8):
        for token in (0, 3, 7, 8, 20):
            matching = (weights[row] * (tokens[row // 2] == token)).sum()
            loss = target_logprobs(logprobs[row, token], weights[row].sum(), matching)
            assert loss.exp().item() == pytest.approx(expected[row, token].item(), rel=1e-4)


def test_neither_the_language_nor_the_end_nor_padding_can_be_copied() -> None:
    batch = pad(SOURCES)
    tokens = copyable_tokens(batch.ids, batch.lengths)
    assert [[token for token in row if token >= 0] for row in tokens.tolist()] == [ids[1:-1] for ids in SOURCES]


@pytest.mark.parametrize("beam_size", [1, 4])
@pytest.mark.parametrize("runtime", [FloatTranslator, Int8Translator])
def test_a_hypothesis_has_the_symbols_of_its_source_each_once(
    model: Translator, beam_size: int, runtime: type[FloatTranslator] | type[Int8Translator]
) -> None:
    config = SearchConfig(beam_size=beam_size, max_length=30)
    results = translate(runtime(model), SOURCES, 0, config, SYMBOLS)
    assert any(hypothesis.finished for hypotheses in results for hypothesis in hypotheses)
    for source, hypotheses in zip(SOURCES, results, strict=True):
        for hypothesis in hypotheses:
            symbols = [token for token in hypothesis.ids if token in SYMBOLS]
            assert len(set(symbols)) == len(symbols)
            assert set(symbols) <= set(source)
            if hypothesis.finished:
                assert set(symbols) == set(source) & set(SYMBOLS)


def test_without_symbols_the_search_is_as_before(model: Translator) -> None:
    plain = [[40, 7, 8, 7, 9, 0], [40, 6, 0]]
    config = SearchConfig(beam_size=3, max_length=12)
    with torch.no_grad():
        model.bias[list(SYMBOLS)] = -1e4
    results = translate(FloatTranslator(model), plain, 0, config)
    masked = translate(FloatTranslator(model), plain, 0, config, SYMBOLS)
    assert [[one.ids for one in row] for row in results] == [[one.ids for one in row] for row in masked]


def test_int8_copies_as_float_does(model: Translator) -> None:
    batch = pad(SOURCES)
    floats, integers = FloatTranslator(model), Int8Translator(model)
    with torch.inference_mode():
        (encoded, state), (encoded8, state8) = floats.encode(batch), integers.encode(batch)
        ids = torch.zeros(len(SOURCES), dtype=torch.int64)
        for _ in range(4):
            logprobs, _, state = floats.step(ids, state, encoded)
            logprobs8, _, state8 = integers.step(ids, state8, encoded8)
            torch.testing.assert_close(logprobs.exp().sum(dim=1), torch.ones(len(SOURCES)), rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(logprobs8.exp(), logprobs.exp(), rtol=0.2, atol=0.05)
            ids = logprobs.argmax(dim=1)


def test_a_model_without_copying_has_no_gate() -> None:
    config = TranslatorConfig(40, ("en", "tr"), (("en", "tr"), ("tr", "en")), embedding=8, hidden=8)
    names = set(Translator(config).state_dict())
    assert set(Translator(replace(config, copying=True)).state_dict()) - names == {"copy_gate.weight", "copy_gate.bias"}
