import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from models.errors import ConfigError
from models.networks.recurrent import CELLS
from trainer.studies.gradients import measure_gradients, run_gradients
from trainer.studies.recall import run_recall
from trainer.studies.synthetic import COPIED, SYMBOLS, TASKS, RecurrentModel, SyntheticTask, TrainConfig, train

ADDING, COPY = TASKS["adding"], TASKS["copy"]
QUIET = Console(quiet=True)
PLAYGROUND = Path(__file__).parents[2] / "app" / "playground"


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class TestProblems:
    def test_adding_marks_one_number_in_each_half(self) -> None:
        inputs, targets = ADDING.sample(50, 21, seeded())
        values, marks = inputs.unbind(dim=2)
        assert (marks[:, :10].sum(dim=1) == 1).all()
        assert (marks[:, 10:].sum(dim=1) == 1).all()
        torch.testing.assert_close(targets.flatten(), (values * marks).sum(dim=1))
        assert 0 <= values.min() < 0.1
        assert 0.9 < values.max() < 1

    def test_copy_shows_symbols_blanks_and_a_sign(self) -> None:
        inputs, targets = COPY.sample(5, 30, seeded())
        ids = inputs.argmax(dim=2)
        assert inputs.shape == (5, 30 + 2 * COPIED, SYMBOLS + 2)
        assert torch.equal(ids[:, :COPIED], targets)
        assert (ids[:, COPIED : COPIED + 29] == SYMBOLS).all()
        assert (ids[:, COPIED + 29] == SYMBOLS + 1).all()
        assert (ids[:, -COPIED:] == SYMBOLS).all()


@pytest.mark.parametrize("cell", CELLS)
class TestGradients:
    def test_they_are_those_of_the_whole_state(self, cell: str) -> None:
        """Compared with running the steps after it in one call of the fused layer."""
        torch.manual_seed(1)
        model = RecurrentModel(cell, ADDING.inputs, 6, 1).double()
        norms = measure_gradients(model, _doubled(), 9, 3).norms
        inputs, targets = _doubled().sample(64, 9, seeded(3))
        for back in (0, 4):
            head, tail = inputs[:, : 9 - back], inputs[:, 9 - back :]
            _, state = model.layer(head)
            parts = [part.detach().requires_grad_() for part in (state if isinstance(state, tuple) else (state,))]
            before = parts[0] if len(parts) == 1 else tuple(parts)
            hidden = model.layer(tail, before)[0][:, -1:] if back else parts[0].transpose(0, 1)
            loss = ADDING.loss(model.head(hidden), targets) * len(inputs)
            grads = torch.autograd.grad(loss, parts, allow_unused=True)
            expected = sum(grad.square().sum() for grad in grads if grad is not None)
            assert norms[back] == pytest.approx(float(expected / len(inputs)) ** 0.5)

    def test_truncation_cuts_them(self, cell: str) -> None:
        torch.manual_seed(1)
        norms = measure_gradients(RecurrentModel(cell, ADDING.inputs, 6, 1), ADDING, 20, 3, truncate=5).norms
        assert all(norm > 0 for norm in norms[:5])
        assert not any(norms[5:])

    def test_that_of_the_weights_is_what_clipping_compares(self, cell: str) -> None:
        torch.manual_seed(1)
        model = RecurrentModel(cell, ADDING.inputs, 6, 1)
        measured = measure_gradients(model, ADDING, 9, 3)
        inputs, targets = ADDING.sample(64, 9, seeded(3))
        model.zero_grad()
        ADDING.loss(model(inputs, ADDING.last), targets).backward()
        assert measured.weights == pytest.approx(float(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)))

    def test_truncated_training_differs(self, cell: str) -> None:
        runs = []
        for truncate in (0, 3, 15):
            torch.manual_seed(1)
            model = RecurrentModel(cell, ADDING.inputs, 6, 1)
            runs.append([score for _, score in train(model, ADDING, 15, TrainConfig(20, 8, truncate=truncate), 1, 10)])
        assert runs[0] == pytest.approx(runs[2], rel=1e-4)  # as long as the sequence: nothing is cut off
        assert runs[0] != pytest.approx(runs[1], rel=1e-4)


def _doubled() -> SyntheticTask:
    """The adding problem in double precision."""

    def sample(rows: int, length: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        inputs, targets = ADDING.sample(rows, length, generator)
        return inputs.double(), targets.double()

    return replace(ADDING, sample=sample)


def test_an_rnn_forgets_what_an_lstm_keeps() -> None:
    shares = {}
    for cell in ("rnn", "lstm"):
        torch.manual_seed(1)
        norms = measure_gradients(RecurrentModel(cell, ADDING.inputs, 64, 1), ADDING, 60, 1).norms
        shares[cell] = norms[50] / norms[0]
    assert 100 * shares["rnn"] < shares["lstm"]


@pytest.mark.slow
def test_an_rnns_gradients_explode_from_larger_weights(tmp_path: Path) -> None:
    run_gradients(tmp_path, 60, 64, 1, 4.0, 1, QUIET)
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
    scores = list(
        train(RecurrentModel("lstm", ADDING.inputs, 32, 1), ADDING, 6, TrainConfig(1500, learning_rate=1e-2), 1)
    )
    assert ADDING.solved(scores[-1][1])
    assert scores[-1][0] < 1500, "three times in a row is enough"


@pytest.mark.slow
def test_reports(tmp_path: Path) -> None:
    run_gradients(tmp_path, 12, 4, 3, 5.0, 1, QUIET)
    rows = list(csv.DictReader((tmp_path / "gradients.csv").read_text().splitlines()))
    assert len(rows) == 2 * 4 * 3 * 12
    assert {row["cell"] for row in rows} == set(CELLS)
    page = json.loads((tmp_path / "gradients.json").read_text(encoding="utf-8"))["conditions"]
    shown = [
        (one["weights"], norm) for cells in page.values() for one in cells.values() for norm in one["norms"]
    ]  # fmt: skip
    written = [(float(row["weights_norm"]), float(row["norm"])) for row in rows]
    assert shown == [pytest.approx(pair, rel=5e-3) for pair in written]
    shipped = json.loads((PLAYGROUND / "lecture" / "gradients.json").read_text(encoding="utf-8"))["conditions"]
    assert {name: list(cells) for name, cells in shipped.items()} == {name: list(cells) for name, cells in page.items()}
    run_recall(tmp_path, "copy", ["gru"], [5, 8], 4, TrainConfig(steps=2), 1, QUIET)
    rows = list(csv.DictReader((tmp_path / "recall.csv").read_text().splitlines()))
    assert [(row["cell"], row["length"], row["step"]) for row in rows] == [("gru", "5", "2"), ("gru", "8", "2")]
    for picture in ("gradients.png", "recall.png"):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


def test_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="problem is 'sorting'; it must be adding, copy"):
        run_recall(tmp_path, "sorting", [], [5], 4, TrainConfig(), 1, QUIET)
    with pytest.raises(ConfigError, match="cell is 'elman'; it must be rnn, gru, lstm"):
        run_recall(tmp_path, "copy", ["elman"], [5], 4, TrainConfig(), 1, QUIET)
