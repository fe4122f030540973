"""Laws of the noise: what is dropped is dropped where its paper says, and nothing is lost."""

from contextlib import suppress
from typing import Any

import pytest
import torch
from torch import nn

from models.networks.dropout import VariationalDropout, dropped_weights, embedding_dropout, word_dropout
from models.networks.recurrent import RecurrentStack, RecurrentState, make_lstm


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(3)


class TestVariationalDropout:
    def test_one_mask_for_all_steps_and_another_for_each_row(self) -> None:
        dropped = VariationalDropout(0.5)(torch.ones(4, 7, 64))
        assert set(dropped.unique().tolist()) == {0.0, 2.0}
        assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
        assert not torch.equal(dropped[0], dropped[1])

    def test_nothing_is_dropped_in_evaluation(self) -> None:
        ones = torch.ones(2, 3, 8)
        assert torch.equal(VariationalDropout(0.5).eval()(ones), ones)


def test_a_dropped_type_is_dropped_wherever_it_stands() -> None:
    ids = torch.randint(0, 20, (6, 30))
    dropped = embedding_dropout(torch.ones(6, 30, 4), ids, 20, 0.5)
    for word in range(20):
        assert dropped[ids == word].unique().numel() <= 1
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


def test_a_dropped_position_is_dropped_whole() -> None:
    dropped = word_dropout(torch.ones(6, 30, 4), 0.5)
    assert torch.equal(dropped, dropped[..., :1].expand_as(dropped))
    assert set(dropped.unique().tolist()) == {0.0, 1.0}


class TestDroppedWeights:
    def test_gradients_are_those_of_weights_masked_out_of_place(self) -> None:
        lstm: Any = make_lstm(5, 6)
        inputs = torch.randn(3, 4, 5)
        torch.manual_seed(9)
        with dropped_weights(lstm, 0.4):
            masked = lstm.weight_hh_l0.detach().clone()
            lstm(inputs)[0].square().sum().backward()
        mask = (masked != 0) / 0.6
        whole = {name: value.detach().clone() for name, value in lstm.named_parameters()}
        whole["weight_hh_l0"].requires_grad_()
        output, _ = torch.func.functional_call(lstm, {**whole, "weight_hh_l0": whole["weight_hh_l0"] * mask}, (inputs,))
        output.square().sum().backward()
        torch.testing.assert_close(lstm.weight_hh_l0.grad, whole["weight_hh_l0"].grad)
        assert (lstm.weight_hh_l0.grad[masked == 0] == 0).all()

    def test_weights_return_to_the_bit_and_stay_where_they_were(self) -> None:
        lstm: Any = make_lstm(5, 6)
        before, address = lstm.weight_hh_l0.detach().clone(), lstm.weight_hh_l0.data_ptr()
        with suppress(KeyboardInterrupt), dropped_weights(lstm, 0.5):
            assert (lstm.weight_hh_l0 == 0).any()
            raise KeyboardInterrupt
        assert torch.equal(lstm.weight_hh_l0, before)
        assert lstm.weight_hh_l0.data_ptr() == address
        lstm(torch.randn(1, 2, 5))[0].sum().backward()
        assert (lstm.weight_hh_l0.grad != 0).any(dim=0).all()

    def test_only_recurrent_weights_are_dropped(self) -> None:
        model = nn.ModuleList([make_lstm(5, 6), nn.Linear(5, 6)])
        before = {name: value.detach().clone() for name, value in model.named_parameters()}
        with dropped_weights(model, 0.9):
            changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
        assert changed == {"0.weight_hh_l0"}


class TestRecurrentStack:
    def test_it_is_torchs_own_stack(self) -> None:
        stack = RecurrentStack(5, 6, 3, nn.Dropout(0.5)).eval()
        whole = nn.LSTM(5, 6, 3, batch_first=True)
        for depth, layer in enumerate(stack.layers):
            for name, value in layer.named_parameters():
                getattr(whole, name.replace("l0", f"l{depth}")).data.copy_(value)
        inputs, state = torch.randn(2, 7, 5), RecurrentState(torch.randn(3, 2, 6), torch.randn(3, 2, 6))
        output, after = stack(inputs, state)
        expected, (hidden, cell) = whole(inputs, tuple(state))
        for actual, target in ((output, expected), (after.hidden, hidden), (after.cell, cell)):
            torch.testing.assert_close(actual, target)

    def test_dropout_stands_between_layers_alone(self) -> None:
        single, double = (RecurrentStack(5, 6, layers, nn.Dropout(0.9)) for layers in (1, 2))
        inputs = torch.randn(2, 7, 5)
        assert torch.equal(single(inputs)[0], single(inputs)[0])
        assert not torch.equal(double(inputs)[0], double(inputs)[0])
