"""The training loop: a generator of records; its caller prints, plots, saves and stops."""

import copy
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from models.checkpoint import is_finite
from models.device import trains_in_bfloat16
from models.errors import TrainingError
from models.model import Model
from models.networks.dropout import dropped_weights
from trainer.loop.distributed import World
from trainer.loop.optimization import Average, Optimizer, Schedule, TrainingConfig

MEASURING_S = 5.0
"""After so long no further step is timed."""
BatchT = TypeVar("BatchT")
PartT = TypeVar("PartT")


class Task(ABC, Generic[BatchT, PartT]):
    """What is trained: a model, its batches, its loss, and its scores on the validation data."""

    metric: str
    unit: str
    """Of targets: tokens or texts."""
    higher_is_better: bool
    model: Model

    @abstractmethod
    def batches(self, epoch: int) -> Sequence[BatchT]:
        """An epoch's batches, a function of seed and epoch; about equally many in every epoch."""

    @abstractmethod
    def parts(self, batch: BatchT, count: int) -> Sequence[PartT]:
        """Split a batch into `count` parts of about the same size; fewer where the batch is too small."""

    @abstractmethod
    def targets(self, part: PartT) -> int:
        """The number of targets of a part."""

    @abstractmethod
    def loss(self, part: PartT) -> Tensor:
        """The mean loss per target: a scalar with a gradient."""

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Scores of `model` on the validation data; the one under `metric` decides which weights are best."""

    def depths(self) -> list[list[nn.Parameter]]:
        """The parameters in groups from the model's head down, which may have different learning rates."""
        return [list(self.model.parameters())]

    def export(self, weights: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The weights to save, from those just validated, and notes on them for the record."""
        return weights, {}

    def state_dict(self) -> dict[str, Any]:
        """The state that `loss` carries from batch to batch, as tensors and numbers."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


@dataclass(frozen=True)
class Progress:
    """An optimizer step; loss is the mean per target in nats, before the step."""

    step: int
    total_steps: int
    epoch: int
    loss: float
    targets: int


@dataclass(frozen=True)
class Evaluation:
    """Scores on the validation data; best says whether they are better than all before."""

    step: int
    epoch: int
    train_loss: float
    learning_rate: float
    seconds: float
    scores: dict[str, float] = field(default_factory=dict)
    best: bool = False


class _Loss(nn.Module):
    """A task's loss as a module's forward, because DistributedDataParallel wraps modules."""

    def __init__(self, task: Task[Any, Any]) -> None:
        super().__init__()
        self.model, self.task = task.model, task

    def forward(self, part: Any) -> Tensor:
        return self.task.loss(part)


class Trainer(Generic[BatchT, PartT]):
    """Trains a task. `run` yields records; the `state_dict` of any yield resumes training exactly.

    A batch does not depend on the number of processes: it is split into a part for each process and
    accumulation step, and the gradient is that of the mean loss over all its targets.
    """

    def __init__(
        self, task: Task[BatchT, PartT], config: TrainingConfig, device: torch.device, world: World | None = None
    ) -> None:
        self.task, self.config, self.device, self.world = task, config, device, world or World()
        self._bfloat16 = trains_in_bfloat16(config.precision, device)
        task.model.to(device)
        self.steps_per_epoch = len(task.batches(0))
        self.total_steps = self.steps_per_epoch * config.epochs
        self.schedule = Schedule(config, self.total_steps)
        self.optimizer = Optimizer(task.depths(), config, self.schedule)
        self.average = Average(config, self._weights())
        self._loss: nn.Module = _Loss(task)
        if self.world.size > 1:
            self._loss = DistributedDataParallel(self._loss)
            torch.manual_seed(config.seed + 1_000_003 * self.world.rank)  # each process has other dropout masks
        self.step = 0
        self.epoch = 0
        self.position = 0
        self.seconds = 0.0
        self.evaluated_step = 0
        self.best_score: float | None = None
        self.stale_evaluations = 0
        self.recent_loss = 0.0
        self.recent_targets = 0

    def run(self) -> Iterator[Progress | Evaluation]:
        """Train to the end or to early stopping. Yields a Progress for each step, and each Evaluation."""
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
        """evaluations_per_epoch times an epoch, evenly spaced, the last at its end."""
        now, before = (
            step * self.config.evaluations_per_epoch // self.steps_per_epoch for step in (self.step, self.step - 1)
        )
        return now > before >= 0 and self.evaluated_step != self.step

    def seconds_per_step(self) -> float | None:
        """The time of a step, measured without changing anything; None of several processes, which would have to agree.

        Without the optimizer's share, which is small, and without validation.
        """
        if self.world.size > 1:
            return None
        task_state, random_state = copy.deepcopy(self.task.state_dict()), torch.get_rng_state()
        random_cuda = torch.cuda.get_rng_state() if self.device.type == "cuda" else None
        self.task.model.train()
        batches = self.task.batches(self.epoch)
        times: list[float] = []
        for share in (0.5, 0.25, 0.75):
            if sum(times) > MEASURING_S:
                break
            started = time.perf_counter()
            parts = self.task.parts(
                batches[int(share * len(batches))], self.config.gradient_accumulation_steps * self.world.size
            )
            for loss, _ in self._gradients(parts, sum(self.task.targets(part) for part in parts)):
                loss.item()
            times.append(time.perf_counter() - started)
        self.task.model.zero_grad(set_to_none=True)
        self.task.load_state_dict(task_state)
        torch.set_rng_state(random_state)
        if random_cuda is not None:
            torch.cuda.set_rng_state(random_cuda)
        timed = times[1:] or times  # the first one also warms up
        return sum(timed) / len(timed)

    def best_weights(self) -> dict[str, Tensor]:
        """The weights of the last evaluation: the average where there is one."""
        return {name: value.detach().clone() for name, value in (self.average.weights or self._weights()).items()}

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on, as tensors, numbers, strings, lists and dicts.

        A collective call: all processes make it together, and get the same.
        """
        local = {
            "task": self.task.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state() if self.device.type == "cuda" else None,
        }
        return {
            "model": self.task.model.state_dict(),
            "optimizer": self.optimizer.inner.state_dict(),
            "average": self.average.state_dict(),
            "processes": self.world.gather(local),
            "numbers": {name: getattr(self, name) for name in _NUMBERS},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raise TrainingError where the state is from another number of processes."""
        if len(state["processes"]) != self.world.size:
            raise TrainingError(
                f"the run to resume had {len(state['processes'])} processes, this one has {self.world.size}"
            )
        self.task.model.load_state_dict(state["model"])
        self.optimizer.inner.load_state_dict(state["optimizer"])
        self.average.load_state_dict(state["average"], self.device)
        local = state["processes"][self.world.rank]
        self.task.load_state_dict(local["task"])
        torch.set_rng_state(local["random"].cpu())
        if self.device.type == "cuda" and local["random_cuda"] is not None:
            torch.cuda.set_rng_state(local["random_cuda"].cpu())
        for name in _NUMBERS:
            setattr(self, name, state["numbers"][name])

    def _weights(self) -> dict[str, Tensor]:
        return {name: parameter.data for name, parameter in self.task.model.named_parameters()}

    def _train_step(self, batch: BatchT) -> Progress:
        started = time.perf_counter()
        self.task.model.train()
        parts = self.task.parts(batch, self.config.gradient_accumulation_steps * self.world.size)
        targets = sum(self.task.targets(part) for part in parts)
        losses = self._gradients(parts, targets)
        norm = self.optimizer.step(self.step, self.epoch + self.position / self.steps_per_epoch)
        self.average.update(self._weights(), self.step + 1)
        # Read last: until then, the CPU is ahead of a GPU and keeps its queue full.
        loss = self.world.sum(sum(loss.item() * share for loss, share in losses))
        if not math.isfinite(loss):
            raise self._diverged(loss)
        if not math.isfinite(norm.item()):
            raise self._diverged(loss, ", and its gradient is not finite")
        self.step += 1
        self.position += 1
        self.recent_loss += loss * targets
        self.recent_targets += targets
        self.seconds += time.perf_counter() - started
        return Progress(self.step, self.total_steps, self.epoch, loss, targets)

    def _gradients(self, parts: Sequence[PartT], targets: int) -> list[tuple[Tensor, float]]:
        """Accumulate the gradient of the batch's mean loss; return the loss of this process's parts and their shares of
        the batch."""
        local = parts[self.world.rank :: self.world.size]
        # A process without a part joins the all-reduce with a zero gradient, or the others would wait for it.
        shares = [(part, self.task.targets(part) / targets) for part in local] or [(parts[0], 0.0)]
        losses = []
        for index, (part, share) in enumerate(shares):
            with (
                self._reducing(last=index == len(shares) - 1),
                dropped_weights(self.task.model, self.config.weight_drop),
            ):
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bfloat16):
                    loss = self._loss(part)
                # DistributedDataParallel averages over processes, where the sum is needed.
                (loss * (share * self.world.size)).backward()
            losses.append((loss.detach(), share))
        return losses

    def _reducing(self, last: bool) -> Any:
        """Gradients are reduced over processes once a step, with its last part."""
        if isinstance(self._loss, DistributedDataParallel) and not last:
            return self._loss.no_sync()
        return nullcontext()

    def _evaluate(self) -> Evaluation:
        started = time.perf_counter()
        scores = self.world.decide(self._validate)
        score = scores[self.task.metric]
        train_loss = self.recent_loss / max(1, self.recent_targets)
        for name, value in scores.items():
            if not math.isfinite(value):
                raise self._diverged(train_loss, f", and on the validation data {name} is {value}")
        if not all(is_finite(tensor) for tensor in (self.average.weights or self._weights()).values()):
            raise self._diverged(train_loss, ", and the weights are not finite in half precision")
        best = self.best_score is None or (
            score > self.best_score if self.task.higher_is_better else score < self.best_score
        )
        self.average.watch(-score if self.task.higher_is_better else score, self._weights())
        self.best_score = score if best else self.best_score
        self.evaluated_step = self.step
        self.stale_evaluations = 0 if best else self.stale_evaluations + 1
        self.recent_loss, self.recent_targets = 0.0, 0
        self.seconds += time.perf_counter() - started
        rate = self.schedule.rate(self.step - 1)
        return Evaluation(self.step, self.epoch, train_loss, rate, self.seconds, scores, best)

    def _diverged(self, loss: float, what: str = "") -> TrainingError:
        return TrainingError(
            f"training diverged: the loss of step {self.step} is {loss:.4g}{what}; "
            f"lower learning_rate (it is {self.config.learning_rate:g}) or clip_norm (it is {self.config.clip_norm:g})"
        )

    def _validate(self) -> dict[str, float]:
        random_state = torch.get_rng_state()
        trained = {name: value.clone() for name, value in self._weights().items()} if self.average.weights else {}
        self._set_weights(self.average.weights)
        self.task.model.eval()
        with torch.inference_mode():
            scores = self.task.validate()
        self._set_weights(trained)
        torch.set_rng_state(random_state)
        return scores

    def _set_weights(self, weights: dict[str, Tensor]) -> None:
        for name, parameter in self.task.model.named_parameters():
            if name in weights:
                parameter.data.copy_(weights[name])


_NUMBERS = (
    "step", "evaluated_step", "epoch", "position", "seconds", "best_score", "stale_evaluations", "recent_loss",
    "recent_targets",
)  # fmt: skip
