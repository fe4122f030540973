"""The processes of one run: a single one, or those that torchrun started."""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed

from models.errors import ConfigError

ValueT = TypeVar("ValueT")
TIMEOUT = timedelta(days=1)  # the other ranks wait while the first prepares a corpus, or validates


class World:
    """The rank of this process and the number of processes. Alone, every method is the identity."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @classmethod
    def join(cls, device: torch.device) -> "World":
        """Join the process group where torchrun started this process; alone otherwise.

        The backend is Gloo between CPUs and NCCL between GPUs, one GPU a process.
        Raises ConfigError where there are more processes than GPUs.
        """
        if "TORCHELASTIC_RUN_ID" not in os.environ:
            return cls()
        if device.type == "cuda":
            local_rank, count = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
            if local_rank >= count:
                raise ConfigError(
                    f"torchrun started {local_rank + 1} processes or more here, and there are {count} GPUs"
                )
            torch.cuda.set_device(local_rank)
        distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
        return cls(distributed.get_rank(), distributed.get_world_size())

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def leave(self) -> None:
        if self.size > 1:
            distributed.destroy_process_group()

    def decide(self, choose: Callable[[], ValueT]) -> ValueT:
        """What choose() returns in the first process, broadcast to the others.

        An error in the first process is raised in all.
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
