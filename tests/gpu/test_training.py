"""The trainer on a GPU: the same losses as on a CPU, through cuDNN's kernels."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from models.text.tokenizers import SubwordTokenizer
from tests.trainer.test_loop import TASKS, losses, still
from trainer.loop.optimization import TrainingConfig
from trainer.loop.trainer import Trainer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"),
    pytest.mark.parametrize("make", TASKS),
]
CONFIG = TrainingConfig(
    epochs=40, learning_rate=0.02, warmup_steps=2, average_decay=0.9, precision="float32", patience=1000, seed=5
)


def train(make: Callable, tokenizer: SubwordTokenizer, config: TrainingConfig, device: str, noise: bool) -> list[float]:
    torch.manual_seed(config.seed)
    trainer = Trainer(make(tokenizer), config, torch.device(device))
    if not noise:
        still(trainer.task.model)
    return losses(list(trainer.run()))


def test_it_computes_what_a_cpu_does(make: Callable, tokenizer: SubwordTokenizer) -> None:
    on_gpu, on_cpu = (train(make, tokenizer, CONFIG, device, noise=False) for device in ("cuda", "cpu"))
    assert on_gpu[:5] == pytest.approx(on_cpu[:5], rel=5e-3)


@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_it_learns_with_dropped_weights(make: Callable, tokenizer: SubwordTokenizer, precision: str) -> None:
    """Warnings are errors: cuDNN warns where the weights have left its flat buffer."""
    found = train(make, tokenizer, replace(CONFIG, weight_drop=0.2, precision=precision), "cuda", noise=True)
    assert sum(found[-4:]) < sum(found[:4])


def test_it_goes_on_where_it_stopped(make: Callable, tokenizer: SubwordTokenizer, tmp_path) -> None:
    torch.manual_seed(CONFIG.seed)
    stopped = Trainer(make(tokenizer), CONFIG, torch.device("cuda"))
    records = stopped.run()
    for _ in range(5):
        next(records)
    torch.save(stopped.state_dict(), tmp_path / "state.pt")
    rest = losses(list(records))
    resumed = Trainer(make(tokenizer), CONFIG, torch.device("cuda"))
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", map_location="cpu", weights_only=True))
    assert losses(list(resumed.run())) == pytest.approx(rest, rel=0.02)
