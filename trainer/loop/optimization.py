"""Learning rate schedules, the optimizer, and averages of the weights."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from models.config import Choice, Config, FormerName, Range
from models.errors import ConfigError

OPTIMIZERS = ("adamw", "sgd")
SCHEDULES = ("cosine", "one-cycle", "constant")
PRECISIONS = ("auto", "bfloat16", "float32")


@dataclass(frozen=True)
class TrainingConfig(Config):
    """How to train. Raises ConfigError for a value outside its range."""

    epochs: Annotated[int, Range(1, 100_000)] = 10
    """Passes over the training data, at most."""
    optimizer: Annotated[str, Choice(OPTIMIZERS)] = "adamw"
    """AdamW (Loshchilov and Hutter 2017, arXiv:1711.05101) or SGD."""
    learning_rate: Annotated[float, Range(0.0, 1000.0)] = 1e-3
    """The highest of the schedule."""
    schedule: Annotated[str, Choice(SCHEDULES)] = "cosine"
    """Learning rate after the warm-up: down to 0 (arXiv:1608.03983), one-cycle (arXiv:1803.09820), or constant.

    cosine: up in warmup_steps, then down to nothing along a cosine. one-cycle: up for three tenths of all steps, then
    down, the momentum the other way (Smith 2018). constant: up in warmup_steps, then the same to the end."""
    warmup_steps: Annotated[int, Range(0, 1_000_000)] = 200
    """Steps of the warm-up; a fifth of all steps at most, so that a short run reaches its rate."""
    weight_decay: Annotated[float, Range(0.0, 10.0)] = 0.01
    """Of matrices; biases have none."""
    clip_norm: Annotated[float, Range(0.001, 1000.0)] = 1.0
    """Gradients are clipped to this norm (Pascanu et al. 2012, arXiv:1211.5063)."""
    weight_drop: Annotated[float, Range(0.0, 0.95)] = 0.0
    """Dropout of the recurrent weights, a new mask each step (AWD-LSTM, arXiv:1708.02182)."""
    average_decay: Annotated[float, Range(0.0, 0.999999)] = 0.0
    """Above 0, the decay of an exponential moving average of the weights, which is validated and saved."""
    nonmono: Annotated[int, Range(0, 1000), FormerName("average_after")] = 0
    """Above 0, NT-ASGD: the weights are averaged once so many evaluations brought no better score (AWD-LSTM).

    The trigger is an evaluation that is worse than the best of those more than nonmono before it (arXiv:1708.02182);
    from then on the plain mean of all weights is validated and saved."""
    layer_rate_decay: Annotated[float, Range(0.01, 1.0)] = 1.0
    """For classifiers: each layer's learning rate over that of the layer above it (discriminative fine-tuning, Howard
    and Ruder 2018, arXiv:1801.06146)."""
    unfreeze_epochs: Annotated[float, Range(0.0, 1000.0)] = 0.0
    """For classifiers: each layer is unfrozen so many epochs after the one above it (gradual unfreezing, in the same
    paper)."""
    gradient_accumulation_steps: Annotated[int, Range(1, 10_000), FormerName("accumulate")] = 1
    """Parts in which a batch is computed where memory is short; the result is the same."""
    evaluations_per_epoch: Annotated[int, Range(1, 1000)] = 2
    """Evaluations on the validation data."""
    patience: Annotated[int, Range(1, 1000)] = 5
    """Early stopping: evaluations in a row without a better score."""
    precision: Annotated[str, Choice(PRECISIONS)] = "auto"
    """`auto` is bfloat16 where that is faster: on a GPU and on CPUs with AMX."""
    seed: Annotated[int, Range(0, 2**31 - 1)] = 1
    """Of initial weights, shuffling and dropout."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.average_decay and self.nonmono:
            raise ConfigError("TrainingConfig has average_decay and nonmono; it takes one average")
        if self.nonmono >= self.patience:
            raise ConfigError(
                f"TrainingConfig.nonmono is {self.nonmono}, and patience {self.patience}: training would "
                "stop before the average begins; patience must be larger"
            )


class Schedule:
    """The learning rate and the momentum of every step."""

    RISE = 0.3
    FIRST, LAST = 1 / 25, 1e-5
    """Of one-cycle: the rates of the first and the last step over the highest."""
    MOMENTUM = (0.85, 0.95)

    def __init__(self, config: TrainingConfig, total_steps: int) -> None:
        self.config, self.total_steps = config, total_steps
        self.warmup_steps = min(config.warmup_steps, total_steps // 5)

    def rate(self, step: int) -> float:
        """The learning rate of a step, from 0."""
        highest = self.config.learning_rate
        if self.config.schedule == "one-cycle":
            risen, fallen = self._cycle(step)
            return highest * (_between(self.FIRST, 1.0, risen) if fallen <= 0 else _between(1.0, self.LAST, fallen))
        if step < self.warmup_steps:
            return highest * (step + 1) / self.warmup_steps
        if self.config.schedule == "constant":
            return highest
        span = max(1, self.total_steps - self.warmup_steps)
        return highest * _between(1.0, 0.0, (step - self.warmup_steps) / span)

    def momentum(self, step: int) -> float:
        """Of SGD, or the first of AdamW's two."""
        low, high = self.MOMENTUM
        if self.config.schedule == "one-cycle":
            risen, fallen = self._cycle(step)
            return _between(high, low, risen) if fallen <= 0 else _between(low, high, fallen)
        return 0.9 if self.config.optimizer == "adamw" else 0.0

    def _cycle(self, step: int) -> tuple[float, float]:
        top = max(1.0, self.RISE * self.total_steps)
        return min(step / top, 1.0), (step - top) / max(1.0, self.total_steps - top)


def _between(start: float, end: float, share: float) -> float:
    """Half a cosine from start, at 0, to end, at 1."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(max(share, 0.0), 1.0)))


class Optimizer:
    """AdamW or SGD over a model's parameters, each depth with its share of the rate."""

    def __init__(self, depths: Sequence[Sequence[nn.Parameter]], config: TrainingConfig, schedule: Schedule) -> None:
        """Depths are the model's parameters from its head down to its embedding."""
        self.config, self.schedule = config, schedule
        self.depths = [list(depth) for depth in depths]
        groups = []
        for level, depth in enumerate(self.depths):
            for decayed in (True, False):
                members = [parameter for parameter in depth if (parameter.ndim > 1) == decayed]
                decay = config.weight_decay if decayed else 0.0
                groups.append({"params": members, "weight_decay": decay, "depth": level})
        groups = [group for group in groups if group["params"]]
        if config.optimizer == "adamw":
            self.inner: torch.optim.Optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)
        else:
            self.inner = torch.optim.SGD(groups, lr=config.learning_rate, fused=True)

    def step(self, step: int, epoch: float) -> Tensor:
        """Update the weights and zero the gradients; epoch is the progress of training, in epochs.

        Returns the norm of the gradient before it is clipped, a scalar.
        """
        rate, momentum = self.schedule.rate(step), self.schedule.momentum(step)
        for group in self.inner.param_groups:
            level = group["depth"]
            frozen = epoch < level * self.config.unfreeze_epochs
            group["lr"] = rate * self.config.layer_rate_decay**level
            if "betas" in group:
                group["betas"] = (momentum, group["betas"][1])
            else:
                group["momentum"] = momentum
            if frozen:
                for parameter in group["params"]:
                    parameter.grad = None
        norm = nn.utils.clip_grad_norm_((p for depth in self.depths for p in depth), self.config.clip_norm)
        self.inner.step()
        self.inner.zero_grad(set_to_none=True)
        return norm


class Average:
    """A running mean of the weights, exponential or plain; empty until it starts."""

    def __init__(self, config: TrainingConfig, weights: Mapping[str, Tensor]) -> None:
        self.config = config
        self.scores: list[float] = []
        self.count = 0
        self.weights = _copy(weights) if config.average_decay else {}

    def update(self, weights: Mapping[str, Tensor], step: int) -> None:
        """Include the weights after a step, counted from 1."""
        if not self.weights:
            return
        if self.config.average_decay:
            # Decay warm-up: otherwise the random initial weights would stay in the average for long.
            share = 1 - min(self.config.average_decay, (1 + step) / (10 + step))
        else:
            self.count += 1
            share = 1 / self.count
        with torch.no_grad():
            torch._foreach_lerp_([self.weights[name] for name in weights], list(weights.values()), share)

    def watch(self, score: float, weights: Mapping[str, Tensor]) -> None:
        """Record an evaluation's score, the lower the better; the plain mean starts once it stops falling (NT-ASGD)."""
        nonmono = self.config.nonmono
        if not nonmono or self.weights:
            return
        if len(self.scores) > nonmono and score > min(self.scores[:-nonmono]):
            self.weights, self.count = _copy(weights), 1
        self.scores.append(score)

    def state_dict(self) -> dict[str, Any]:
        return {"weights": self.weights, "scores": self.scores, "count": self.count}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        self.weights = {name: value.to(device) for name, value in state["weights"].items()}
        self.scores, self.count = list(state["scores"]), state["count"]


def _copy(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in weights.items()}
