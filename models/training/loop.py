"""The training loop: it yields records, and its caller prints, plots, saves and stops."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from models.config import require_range
from models.device import trains_in_bfloat16
from models.errors import ConfigError, TrainingError

BatchT = TypeVar("BatchT")


@dataclass(frozen=True)
class TrainingConfig:
    """How to train. Raises ConfigError for a value outside its range."""

    epochs: int = 10
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup_steps: int = 200
    clip_norm: float = 1.0
    average_decay: float = 0.0
    """Of the exponential moving average of the weights that is validated and saved; 0 keeps none."""
    evaluations_per_epoch: int = 2
    patience: int = 5
    """Evaluations in a row without a better score before training stops."""
    precision: str = "auto"
    """bfloat16 or float32; auto: bfloat16 wherever the device can."""
    seed: int = 1

    def __post_init__(self) -> None:
        require_range(self, "epochs", 1, 100_000)
        require_range(self, "learning_rate", 0.0, 100.0)
        require_range(self, "weight_decay", 0.0, 10.0)
        require_range(self, "warmup_steps", 0, 1_000_000)
        require_range(self, "clip_norm", 0.001, 1000.0)
        require_range(self, "average_decay", 0.0, 0.999999)
        require_range(self, "evaluations_per_epoch", 1, 1000)
        require_range(self, "patience", 1, 1000)
        require_range(self, "seed", 0, 2**31 - 1)
        if self.precision not in ("auto", "bfloat16", "float32"):
            raise ConfigError(f"TrainingConfig.precision is {self.precision!r}; it must be auto, bfloat16 or float32")


class Task(Protocol[BatchT]):
    """What is trained: a model, its batches, its loss and its score on the validation data."""

    metric: str
    unit: str
    """What a target is: tokens or texts."""
    higher_is_better: bool

    @property
    def model(self) -> nn.Module: ...

    def batches(self, epoch: int) -> Sequence[BatchT]:
        """An epoch's batches, the same for the same seed and epoch; as many in every epoch, about."""

    def loss(self, batch: BatchT) -> tuple[Tensor, int]:
        """The mean loss per target (a scalar that has a gradient), and the number of targets."""

    def validate(self) -> dict[str, float]:
        """Scores of `model` on the validation data, under `metric` the one that decides."""

    def state_dict(self) -> dict[str, Any]:
        """What `loss` carries from batch to batch, as tensors and numbers."""

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Progress:
    """One optimizer step was made; loss is its mean per target in nats, before the step."""

    step: int
    total_steps: int
    epoch: int
    loss: float
    targets: int


@dataclass(frozen=True)
class Evaluation:
    """The model was validated. best says whether it is better than all before."""

    step: int
    epoch: int
    train_loss: float
    learning_rate: float
    seconds: float
    scores: dict[str, float] = field(default_factory=dict)
    best: bool = False


class Trainer(Generic[BatchT]):
    """A task being trained. `run` yields; `state_dict` at any yield resumes it exactly.

    AdamW (arXiv:1711.05101), linear warm-up and cosine decay to zero, gradients clipped by their
    norm, early stopping, and optionally a moving average of the weights.
    """

    def __init__(self, task: Task[BatchT], config: TrainingConfig, device: torch.device) -> None:
        self.task, self.config, self.device = task, config, device
        self._bfloat16 = trains_in_bfloat16(config.precision, device)
        task.model.to(device)
        decayed = [parameter for parameter in task.model.parameters() if parameter.ndim > 1]
        others = [parameter for parameter in task.model.parameters() if parameter.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=config.learning_rate,
            betas=(0.9, 0.99),
            fused=True,
        )
        self.steps_per_epoch = len(task.batches(0))
        self.total_steps = self.steps_per_epoch * config.epochs
        self.step = 0
        self.epoch = 0
        self.position = 0
        self.seconds = 0.0
        self.evaluated_step = 0
        self.best_score: float | None = None
        self.stale_evaluations = 0
        self.recent_loss = 0.0
        self.recent_targets = 0
        self.average = {name: value.detach().clone() for name, value in self._weights()} if config.average_decay else {}

    def run(self) -> Iterator[Progress | Evaluation]:
        """Train to the end, or until patience is out. Yields a Progress a step and each Evaluation."""
        batches = self.task.batches(self.epoch)
        while True:
            if self._evaluation_is_due():
                yield self._evaluate()
            if self.step >= self.total_steps or self.stale_evaluations >= self.config.patience:
                return
            if self.position >= len(batches):
                self.epoch, self.position = self.epoch + 1, 0
                batches = self.task.batches(self.epoch)
            yield self._train_step(batches[self.position])

    def _evaluation_is_due(self) -> bool:
        every = max(1, self.steps_per_epoch // self.config.evaluations_per_epoch)
        at_point = self.step > 0 and (self.step % every == 0 or self.step == self.total_steps)
        return at_point and self.evaluated_step != self.step

    def learning_rate(self, step: int) -> float:
        """The rate of a step, from 0."""
        if step < self.config.warmup_steps:
            return self.config.learning_rate * (step + 1) / self.config.warmup_steps
        span = max(1, self.total_steps - self.config.warmup_steps)
        return self.config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - self.config.warmup_steps) / span))

    def best_weights(self) -> dict[str, Tensor]:
        """The weights that validation saw last: the average's where one is kept."""
        return {name: value.detach().clone() for name, value in (self.average or dict(self._weights())).items()}

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on, as tensors, numbers, strings, lists and dicts."""
        return {
            "model": self.task.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average,
            "task": self.task.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "numbers": {name: getattr(self, name) for name in _NUMBERS},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.task.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average = {name: value.to(self.device) for name, value in state["average"].items()}
        self.task.load_state_dict(state["task"])
        torch.set_rng_state(state["random"].cpu())
        if torch.cuda.is_available() and state["random_cuda"]:
            torch.cuda.set_rng_state_all([value.cpu() for value in state["random_cuda"]])
        for name in _NUMBERS:
            setattr(self, name, state["numbers"][name])

    def _weights(self) -> Iterator[tuple[str, Tensor]]:
        return ((name, parameter.data) for name, parameter in self.task.model.named_parameters())

    def _train_step(self, batch: BatchT) -> Progress:
        started = time.perf_counter()
        rate = self.learning_rate(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.task.model.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bfloat16):
            loss, targets = self.task.loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.task.model.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._update_average()
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(f"the loss of step {self.step} is {value}; try a lower learning_rate")
        self.step += 1
        self.position += 1
        self.recent_loss += value * targets
        self.recent_targets += targets
        self.seconds += time.perf_counter() - started
        return Progress(self.step, self.total_steps, self.epoch, value, targets)

    def _update_average(self) -> None:
        if not self.average:
            return
        # A young average forgets faster, or its first random weights would stay in it for long.
        decay = min(self.config.average_decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self._weights():
                self.average[name].lerp_(value, 1 - decay)

    def _evaluate(self) -> Evaluation:
        started = time.perf_counter()
        random_state = torch.get_rng_state()
        kept = {name: value.clone() for name, value in self._weights()} if self.average else {}
        self._set_weights(self.average)
        self.task.model.eval()
        with torch.inference_mode():
            scores = self.task.validate()
        self._set_weights(kept)
        torch.set_rng_state(random_state)
        score = scores[self.task.metric]
        best = self.best_score is None or (
            score > self.best_score if self.task.higher_is_better else score < self.best_score
        )
        self.best_score = score if best else self.best_score
        self.evaluated_step = self.step
        self.stale_evaluations = 0 if best else self.stale_evaluations + 1
        train_loss = self.recent_loss / max(1, self.recent_targets)
        self.recent_loss, self.recent_targets = 0.0, 0
        self.seconds += time.perf_counter() - started
        rate = self.learning_rate(self.step - 1)
        return Evaluation(self.step, self.epoch, train_loss, rate, self.seconds, scores, best)

    def _set_weights(self, weights: dict[str, Tensor]) -> None:
        for name, parameter in self.task.model.named_parameters():
            if name in weights:
                parameter.data.copy_(weights[name])


_NUMBERS = (
    "step", "evaluated_step", "epoch", "position", "seconds", "best_score", "stale_evaluations", "recent_loss",
    "recent_targets",
)  # fmt: skip
