import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from models.errors import ConfigError
from trainer.studies.commands import show_gradients, show_recall
from trainer.studies.synthetic import (
    CELLS,
    COPIED,
    PROBLEMS,
    SYMBOLS,
    Problem,
    Reader,
    Schooling,
    gradient_norms,
    train,
)

ADDING, COPY = PROBLEMS["adding"], PROBLEMS["copy"]
QUIET = Console(quiet=True)


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class TestProblems:
    def test_adding_marks_one_number_in_each_half(self) -> None:
        inputs, wanted = ADDING.draw(50, 21, seeded())
        values, marks = inputs.unbind(dim=2)
        assert (marks[:, :10].sum(dim=1) == 1).all()
        assert (marks[:, 10:].sum(dim=1) == 1).all()
        torch.testing.assert_close(wanted.flatten(), (values * marks).sum(dim=1))
        assert 0 <= values.min() < 0.1
        assert 0.9 < values.max() < 1

    def test_copy_shows_symbols_blanks_and_a_sign(self) -> None:
        inputs, wanted = COPY.draw(5, 30, seeded())
        ids = inputs.argmax(dim=2)
        assert inputs.shape == (5, 30 + 2 * COPIED, SYMBOLS + 2)
        assert torch.equal(ids[:, :COPIED], wanted)
        assert (ids[:, COPIED : COPIED + 29] == SYMBOLS).all()
        assert (ids[:, COPIED + 29] == SYMBOLS + 1).all()
        assert (ids[:, -COPIED:] == SYMBOLS).all()


@pytest.mark.parametrize("cell", CELLS)
class TestGradients:
    def test_they_are_those_of_the_whole_memory(self, cell: str) -> None:
        """Against reading what follows a step in one call of the fused layer."""
        torch.manual_seed(1)
        reader = Reader(cell, ADDING.inputs, 6, 1).double()
        norms = gradient_norms(reader, _doubled(), 9, 3)
        inputs, wanted = _doubled().draw(64, 9, seeded(3))
        for back in (0, 4):
            head, tail = inputs[:, : 9 - back], inputs[:, 9 - back :]
            _, state = reader.layer(head)
            parts = [part.detach().requires_grad_() for part in (state if isinstance(state, tuple) else (state,))]
            memory = parts[0] if len(parts) == 1 else tuple(parts)
            hidden = reader.layer(tail, memory)[0][:, -1:] if back else parts[0].transpose(0, 1)
            loss = ADDING.loss(reader.head(hidden), wanted) * len(inputs)
            grads = torch.autograd.grad(loss, parts, allow_unused=True)
            expected = sum(grad.square().sum() for grad in grads if grad is not None)
            assert norms[back] == pytest.approx(float(expected / len(inputs)) ** 0.5)

    def test_truncation_cuts_them(self, cell: str) -> None:
        torch.manual_seed(1)
        norms = gradient_norms(Reader(cell, ADDING.inputs, 6, 1), ADDING, 20, 3, truncate=5)
        assert all(norm > 0 for norm in norms[:5])
        assert not any(norms[5:])

    def test_truncated_training_differs(self, cell: str) -> None:
        found = []
        for truncate in (0, 3, 15):
            torch.manual_seed(1)
            reader = Reader(cell, ADDING.inputs, 6, 1)
            found.append([score for _, score in train(reader, ADDING, 15, Schooling(20, 8, truncate=truncate), 1, 10)])
        assert found[0] == pytest.approx(found[2], rel=1e-4)  # all of it is nothing cut off
        assert found[0] != pytest.approx(found[1], rel=1e-4)


def _doubled() -> Problem:
    """The adding problem in double precision."""

    def draw(rows: int, length: int, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        inputs, wanted = ADDING.draw(rows, length, random)
        return inputs.double(), wanted.double()

    return replace(ADDING, draw=draw)


def test_an_rnn_forgets_what_an_lstm_keeps() -> None:
    shares = {}
    for cell in ("rnn", "lstm"):
        torch.manual_seed(1)
        norms = gradient_norms(Reader(cell, ADDING.inputs, 64, 1), ADDING, 60, 1)
        shares[cell] = norms[50] / norms[0]
    assert 100 * shares["rnn"] < shares["lstm"]


def test_an_rnns_gradients_explode_from_larger_weights(tmp_path: Path) -> None:
    show_gradients(tmp_path, 60, 64, 1, 4.0, 1, QUIET)
    rows = list(csv.DictReader((tmp_path / "gradients.csv").read_text().splitlines()))
    norms = {(row["way"], row["cell"], row["steps_back"]): float(row["norm"]) for row in rows}

    def share(way: str, cell: str) -> float:
        return norms[way, cell, "50"] / norms[way, cell, "0"]

    assert share("untrained", "rnn") < 1e-6
    exploded = share("weights × 4, untrained", "rnn")
    assert exploded > 1e3
    assert share("weights × 4, untrained", "lstm") < exploded / 100


def test_a_short_sum_is_learned() -> None:
    torch.manual_seed(1)
    scores = list(train(Reader("lstm", ADDING.inputs, 32, 1), ADDING, 6, Schooling(1500, learning_rate=1e-2), 1))
    assert ADDING.solved(scores[-1][1])
    assert scores[-1][0] < 1500, "three times in a row is enough"


def test_reports(tmp_path: Path) -> None:
    show_gradients(tmp_path, 12, 4, 3, 5.0, 1, QUIET)
    rows = list(csv.DictReader((tmp_path / "gradients.csv").read_text().splitlines()))
    assert len(rows) == 2 * 4 * 3 * 12
    assert {row["cell"] for row in rows} == set(CELLS)
    show_recall(tmp_path, "copy", ["gru"], [5, 8], 4, Schooling(steps=2), 1, QUIET)
    rows = list(csv.DictReader((tmp_path / "recall.csv").read_text().splitlines()))
    assert [(row["cell"], row["length"], row["step"]) for row in rows] == [("gru", "5", "2"), ("gru", "8", "2")]
    for picture in ("gradients.png", "recall.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="problem is 'sorting'; it must be adding, copy"):
        show_recall(tmp_path, "sorting", [], [5], 4, Schooling(), 1, QUIET)
    with pytest.raises(ConfigError, match="cell is 'elman'; it must be rnn, gru, lstm"):
        show_recall(tmp_path, "copy", ["elman"], [5], 4, Schooling(), 1, QUIET)
