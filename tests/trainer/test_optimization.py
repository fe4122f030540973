"""Laws of schedules, depths and averages."""

import pytest
import torch
from torch import nn

from models.errors import ConfigError
from trainer.loop.optimization import Average, Optimizer, Schedule, TrainingConfig


class TestSchedule:
    def test_a_cycle_rises_then_falls_and_the_momentum_mirrors_it(self) -> None:
        schedule = Schedule(TrainingConfig(schedule="one-cycle", learning_rate=0.5), 100)
        rates = [schedule.rate(step) for step in range(101)]
        momenta = [schedule.momentum(step) for step in range(101)]
        assert rates[0] == pytest.approx(0.02)
        assert max(rates) == rates[30] == pytest.approx(0.5)
        assert rates[:31] == sorted(rates[:31])
        assert rates[30:] == sorted(rates[30:], reverse=True)
        assert rates[-1] == pytest.approx(5e-6)
        assert [momenta[0], momenta[30], momenta[-1]] == pytest.approx([0.95, 0.85, 0.95])

    def test_constant(self) -> None:
        schedule = Schedule(TrainingConfig(schedule="constant", learning_rate=30, warmup_steps=2), 10)
        assert [schedule.rate(step) for step in (0, 1, 2, 9)] == [15, 30, 30, 30]

    @pytest.mark.parametrize("schedule", ["linear", ""])
    def test_unknown(self, schedule: str) -> None:
        with pytest.raises(ConfigError, match=r"schedule is .*cosine, one-cycle, constant"):
            TrainingConfig(schedule=schedule)


def stepped(config: TrainingConfig, epoch: float) -> list[float]:
    """How far one step moves each of three depths."""
    depths = [[nn.Parameter(torch.zeros(2, 2))] for _ in range(3)]
    optimizer = Optimizer(depths, config, Schedule(config, 10))
    for (parameter,) in depths:
        parameter.grad = torch.ones(2, 2)
    optimizer.step(0, epoch)
    return [-parameter[0, 0].item() for (parameter,) in depths]


class TestDepths:
    CONFIG = TrainingConfig(optimizer="sgd", learning_rate=1.0, warmup_steps=0, clip_norm=1000, layer_rate_decay=0.5)

    def test_each_learns_at_its_rate(self) -> None:
        assert stepped(self.CONFIG, 0.0) == pytest.approx([1.0, 0.5, 0.25])

    @pytest.mark.parametrize(("epoch", "moving"), [(0.0, 1), (0.9, 1), (1.0, 2), (2.5, 3)])
    def test_the_lower_ones_wait(self, epoch: float, moving: int) -> None:
        config = TrainingConfig(learning_rate=1.0, warmup_steps=0, unfreeze_epochs=1.0)
        assert [moved > 0 for moved in stepped(config, epoch)] == [level < moving for level in range(3)]


class TestAverage:
    def test_triggered_where_scores_no_longer_fall(self) -> None:
        weights = {"w": torch.tensor([0.0])}
        average = Average(TrainingConfig(nonmono=2), weights)
        seen = []
        for step, score in enumerate([9.0, 8.0, 7.0, 7.5, 7.2, 7.1, 6.0], 1):
            weights["w"].fill_(step)
            average.update(weights, step)
            average.watch(score, weights)
            seen.append(bool(average.weights))
        # the sixth is worse than the best of the first three: 7.1 > 7.0
        assert seen == [False] * 5 + [True] * 2
        assert average.weights["w"].item() == pytest.approx((6 + 7) / 2)

    def test_exponential(self) -> None:
        weights = {"w": torch.tensor([0.0])}
        average = Average(TrainingConfig(average_decay=0.5), weights)
        weights["w"].fill_(8.0)
        average.update(weights, 100)
        average.update(weights, 101)
        assert average.weights["w"].item() == pytest.approx(6.0)

    def test_one_average_at_a_time(self) -> None:
        with pytest.raises(ConfigError, match="one average"):
            TrainingConfig(average_decay=0.9, nonmono=5)
