import pytest
import torch
from torch import Tensor

from models.gates import CellStates, Gates, compute_gates, compute_states, directions, separation
from models.networks.classifier import Classifier, ClassifierConfig
from models.networks.language_model import LanguageModel, LanguageModelConfig

IDS = [3, 1, 4, 1, 5, 9, 2, 6]


def language(backward: bool = False, cell: str = "lstm") -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(LanguageModelConfig(12, embedding=6, hidden=5, layers=2, backward=backward, cell=cell)).eval()


def classifier(cell: str = "lstm") -> Classifier:
    torch.manual_seed(0)
    return Classifier(ClassifierConfig(12, ("bad", "good"), embedding=6, hidden=5, layers=2, cell=cell)).eval()


def hidden_of(gates: CellStates) -> Tensor:
    return gates.hidden.unsqueeze(0)  # (1, T, H)


class TestComputeGates:
    def test_the_top_layer_is_what_the_language_model_reads(self) -> None:
        model = language(backward=True)
        ids = torch.tensor([IDS])
        torch.testing.assert_close(hidden_of(compute_gates(model, IDS, 1, "forward")), model.hidden_states(ids)[0])
        torch.testing.assert_close(
            hidden_of(compute_gates(model, IDS, 1, "backward")), model.backward_hidden_states(ids)
        )

    def test_the_top_layer_is_what_the_classifier_reads(self) -> None:
        model = classifier()
        both = torch.cat([hidden_of(compute_gates(model, IDS, 1, name)) for name in directions(model)], dim=-1)
        torch.testing.assert_close(both, model.hidden_states(torch.tensor([IDS]), torch.tensor([len(IDS)])))

    def test_the_bottom_layer_is_pytorchs(self) -> None:
        model = language()
        theirs, (_, cell) = model.lstm.layers[0](model.embedding(torch.tensor([IDS])))
        gates = compute_gates(model, IDS, 0, "forward")
        torch.testing.assert_close(hidden_of(gates), theirs)
        torch.testing.assert_close(gates.cell[-1], cell[0, 0])

    def test_the_cell_is_what_is_kept_and_what_enters(self) -> None:
        forward, backward = (
            compute_gates(language(), IDS, 0, "forward"),
            compute_gates(classifier(), IDS, 0, "backward"),
        )
        for gates, begin in ((forward, 0), (backward, -1)):
            torch.testing.assert_close(gates.cell, gates.forget * gates.previous_cell + gates.input * gates.candidate)
            torch.testing.assert_close(gates.hidden, gates.output * gates.cell.tanh())
            torch.testing.assert_close(gates.change, (gates.cell - gates.previous_cell).abs())
            assert not gates.previous_cell[begin].any()


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
class TestComputeStates:
    """Of every cell, by PyTorch's own layers."""

    def test_the_top_layer_is_what_a_language_model_reads(self, cell: str) -> None:
        model = language(backward=True, cell=cell)
        ids = torch.tensor([IDS])
        forward, backward = (compute_states(model, IDS, 1, direction) for direction in directions(model))
        torch.testing.assert_close(hidden_of(forward), model.hidden_states(ids)[0])
        torch.testing.assert_close(hidden_of(backward), model.backward_hidden_states(ids))

    def test_the_top_layer_is_what_a_classifier_reads(self, cell: str) -> None:
        model = classifier(cell)
        both = torch.cat([hidden_of(compute_states(model, IDS, 1, name)) for name in directions(model)], dim=-1)
        torch.testing.assert_close(both, model.hidden_states(torch.tensor([IDS]), torch.tensor([len(IDS)])))

    def test_change_begins_at_the_zero_state(self, cell: str) -> None:
        states = compute_states(language(cell=cell), IDS, 0, "forward")
        moved = states.cell if isinstance(states, Gates) else states.hidden
        torch.testing.assert_close(states.change[0], moved[0].abs())
        torch.testing.assert_close(states.change[1:], (moved[1:] - moved[:-1]).abs())


def test_directions() -> None:
    assert directions(language()) == ("forward",)
    assert directions(language(backward=True)) == directions(classifier()) == ("forward", "backward")


class TestSeparation:
    SERIES = torch.randn(9, 6, generator=torch.Generator().manual_seed(1))  # (T, H)
    MARKED = torch.tensor([0, 1, 0, 0, 1, 1, 0, 0, 0]).bool()

    def test_it_is_the_correlation_with_the_mark(self) -> None:
        both = torch.cat([self.SERIES.T, self.MARKED[None].float()])  # (H + 1, T)
        torch.testing.assert_close(separation(self.SERIES, self.MARKED), torch.corrcoef(both.double())[-1, :-1])

    def test_it_ranks_as_the_difference_of_means_over_the_pooled_deviation(self) -> None:
        high, low = self.SERIES[self.MARKED], self.SERIES[~self.MARKED]
        squares = [(part - part.mean(dim=0)).square().sum(dim=0) for part in (high, low)]
        effect = (high.mean(dim=0) - low.mean(dim=0)) / (sum(squares, torch.zeros(6)) / 9).sqrt()
        assert separation(self.SERIES, self.MARKED).argsort().tolist() == effect.argsort().tolist()

    def test_its_ends_are_units_that_are_only_high_or_only_low_there(self) -> None:
        mark = self.MARKED.float()
        series = torch.stack([mark, 1 - mark, 3 + 0.5 * mark, torch.full((9,), 0.7), 1e-7 * mark], dim=1)
        high, low, shifted, constant, still = separation(series, self.MARKED).tolist()
        assert (high, low, shifted) == pytest.approx((1, -1, 1))
        assert constant == pytest.approx(0, abs=1e-9)
        assert abs(still) < 0.01
