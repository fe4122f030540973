import io

import pytest
from rich.console import Console

from trainer.loop.trainer import Evaluation, Progress
from trainer.report import progress as display


@pytest.mark.parametrize("terminal", [True, False])
def test_a_run_can_be_watched(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    monkeypatch.setattr(display, "LINE_EVERY_S", 0.0)
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=150)
    with display.Display(console, "name", "accuracy", "texts", step=0, total_steps=10) as shown:
        shown.show(Evaluation(3, 0, 0.5, 0.001, 1.0, {"accuracy": 0.875}, best=True))
        shown.show(Progress(4, 10, 0, 0.25, 32))
    text = output.getvalue()
    assert '"accuracy": 0.875' in text
    for part in ("4/10", "loss 0.250", "accuracy 0.875", "texts/s"):
        assert part in text
