"""Laws of the three networks: padding, other rows of the batch, and cuts change nothing."""

from typing import Any

import pytest
import torch

from models.batch import Batch, pad
from models.errors import ConfigError
from models.networks.classifier import Classifier, ClassifierConfig
from models.networks.language_model import LanguageModel, LanguageModelConfig
from models.networks.recurrent import CELLS
from models.networks.translator import Translator, TranslatorConfig

ROWS = [[5, 9, 3], [7], [4, 8, 15, 16, 23, 42, 99]]
CLOSE: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-5}


class TestBatch:
    def test_padding_is_known(self) -> None:
        batch = pad(ROWS, multiple=4)
        assert batch.ids.shape == (3, 8)
        assert batch.mask.sum(dim=1).tolist() == [3, 1, 7]

    @pytest.mark.parametrize("rows", [[], [[]], [[1], []]])
    def test_nothing_is_no_batch(self, rows: list[list[int]]) -> None:
        with pytest.raises(ValueError, match="at least one"):
            pad(rows)


@pytest.mark.parametrize("cell", CELLS)
class TestLanguageModel:
    def test_batched_is_single(self, language_model: LanguageModel) -> None:
        batch = pad(ROWS)
        logits, _ = language_model(batch.ids)
        for row, ids in enumerate(ROWS):
            alone, _ = language_model(torch.tensor([ids]))
            torch.testing.assert_close(logits[row, : len(ids)], alone[0], **CLOSE)

    @pytest.mark.parametrize("cut", [1, 3, 6])
    def test_resumed_is_whole(self, language_model: LanguageModel, cut: int) -> None:
        ids = torch.tensor(ROWS[2:])
        whole, last = language_model(ids)
        head, state = language_model(ids[:, :cut])
        tail, resumed = language_model(ids[:, cut:], state)
        torch.testing.assert_close(torch.cat([head, tail], dim=1), whole, **CLOSE)
        torch.testing.assert_close(resumed, last, **CLOSE)

    def test_a_state_is_a_value(self, language_model: LanguageModel) -> None:
        _, state = language_model(torch.tensor([[1, 2, 3]]))
        first, _ = language_model(torch.tensor([[4]]), state)
        language_model(torch.tensor([[9]]), state)
        again, _ = language_model(torch.tensor([[4]]), state)
        torch.testing.assert_close(first, again, rtol=0, atol=0)

    def test_the_future_is_unseen(self, language_model: LanguageModel) -> None:
        left, _ = language_model(torch.tensor([[1, 2, 3, 4]]))
        right, _ = language_model(torch.tensor([[1, 2, 3, 9]]))
        torch.testing.assert_close(left[:, :3], right[:, :3], rtol=0, atol=0)


@pytest.mark.parametrize("cell", CELLS)
class TestClassifier:
    def test_padded_is_alone(self, classifier: Classifier) -> None:
        batch = pad(ROWS, multiple=16)
        logits = classifier(batch.ids, batch.lengths)
        for row, ids in enumerate(ROWS):
            alone = pad([ids])
            torch.testing.assert_close(logits[row], classifier(alone.ids, alone.lengths)[0], **CLOSE)

    def test_what_pads_does_not_matter(self, classifier: Classifier) -> None:
        batch = pad(ROWS)
        other = Batch(batch.ids.masked_fill(~batch.mask, 17), batch.lengths)
        torch.testing.assert_close(
            classifier(batch.ids, batch.lengths), classifier(other.ids, other.lengths), rtol=0, atol=0
        )

    def test_explanations_sum_to_the_logit(self, classifier: Classifier) -> None:
        batch = pad(ROWS)
        logits, shares = classifier.contributions(classifier.hidden_states(batch.ids, batch.lengths), batch.lengths)
        torch.testing.assert_close(shares.sum(dim=1) + classifier.head.bias, logits, **CLOSE)
        torch.testing.assert_close(logits, classifier(batch.ids, batch.lengths), **CLOSE)
        assert not shares[~batch.mask].any()

    def test_order_counts(self, classifier: Classifier) -> None:
        forward, backward = (pad([ids]) for ids in (ROWS[2], ROWS[2][::-1]))
        left, right = (classifier(batch.ids, batch.lengths) for batch in (forward, backward))
        assert not torch.allclose(left, right, atol=1e-4)


@pytest.mark.parametrize("cell", CELLS)
class TestTranslator:
    def test_padded_is_alone(self, translator: Translator) -> None:
        source, target = pad(ROWS, multiple=4), torch.tensor([[0, 3, 5]] * 3)
        logits, weights, _ = translator.decode(target, *translator.encode(source))
        for row, ids in enumerate(ROWS):
            alone, alone_weights, _ = translator.decode(target[:1], *translator.encode(pad([ids])))
            torch.testing.assert_close(logits[row], alone[0], **CLOSE)
            torch.testing.assert_close(weights[row, :, : len(ids)], alone_weights[0], **CLOSE)

    def test_attention_sums_to_one_and_ignores_padding(self, translator: Translator) -> None:
        source = pad(ROWS)
        _, weights, _ = translator.decode(torch.tensor([[0, 3]] * 3), *translator.encode(source))
        torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, 2))
        assert not weights[~source.mask.unsqueeze(1).expand_as(weights)].any()

    def test_teacher_forcing_is_step_by_step(self, translator: Translator) -> None:
        encoded, state = translator.encode(pad(ROWS))
        target = torch.tensor([[0, 3, 5, 8]] * 3)
        whole, _, _ = translator.decode(target, encoded, state)
        steps = []
        for step in range(target.shape[1]):
            logits, _, state = translator.decode(target[:, step : step + 1], encoded, state)
            steps.append(logits)
        torch.testing.assert_close(torch.cat(steps, dim=1), whole, **CLOSE)

    def test_the_wanted_language_changes_the_answer(self, translator: Translator) -> None:
        ids = [translator.language_id(language) for language in ("en", "tr")]
        both, _ = translator.encode(pad([[ids[0], 5, 0], [ids[1], 5, 0]]))
        assert not torch.allclose(both.values[0], both.values[1], atol=1e-4)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: LanguageModelConfig(100, hidden=0), "LanguageModelConfig.hidden is 0"),
        (lambda: LanguageModelConfig(100, dropout=1.5), "LanguageModelConfig.dropout is 1.5"),
        (lambda: LanguageModelConfig(100, layers=True), "LanguageModelConfig.layers is True"),
        (
            lambda: LanguageModelConfig(100, cell="LSTM"),
            "LanguageModelConfig.cell is 'LSTM'; it must be rnn, gru, lstm",
        ),
        (lambda: ClassifierConfig(100, ("one",)), "labels"),
        (lambda: ClassifierConfig(100, ("one", "two"), cell=""), "ClassifierConfig.cell is ''"),
        (lambda: TranslatorConfig(100, ("en", "tr"), (), hidden=16), "directions"),
        (lambda: TranslatorConfig(100, ("en", "tr"), (("en", "tr"),), hidden=15), "hidden is 15"),
    ],
)
def test_a_configuration_refuses_nonsense(make, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        make()
