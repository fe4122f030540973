"""The processes of one run: a single one, or those that torchrun started."""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed

from models.errors import ConfigError

ValueT = TypeVar("ValueT")
LONGEST_WAIT = timedelta(days=1)  # the others wait while the first one prepares a corpus, or validates


class World:
    """Which of how many processes this is. Alone, everything here is the identity."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @classmethod
    def join(cls, device: torch.device) -> "World":
        """Meet the other processes where torchrun started this one; alone otherwise.

        Gloo carries gradients between CPUs and NCCL between GPUs, of which each process takes its own.
        Raises ConfigError where there are more processes than GPUs.
        """
        if "TORCHELASTIC_RUN_ID" not in os.environ:
            return cls()
        if device.type == "cuda":
            place, count = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
            if place >= count:
                raise ConfigError(f"torchrun started {place + 1} processes or more here, and there are {count} GPUs")
            torch.cuda.set_device(place)
        distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=LONGEST_WAIT)
        return cls(distributed.get_rank(), distributed.get_world_size())

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def leave(self) -> None:
        if self.size > 1:
            distributed.destroy_process_group()

    def decide(self, choose: Callable[[], ValueT]) -> ValueT:
        """What choose() returns in the first process; the others wait, and get the same.

        An error in the first one is raised in all.
        """
        if self.size == 1:
            return choose()
        answer: list[Any] = [None, None]
        if self.is_first:
            try:
                answer[0] = choose()
            except Exception as error:
                answer[1] = error
        distributed.broadcast_object_list(answer)
        if answer[1] is not None:
            raise answer[1]
        chosen: ValueT = answer[0]
        return chosen

    def sum(self, value: float) -> float:
        """The sum of every process's value, in double precision."""
        if self.size == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64)
        distributed.all_reduce(total)
        return total.item()

    def gather(self, value: ValueT) -> list[ValueT]:
        """Every process's value, in the order of ranks."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value)
        return values
