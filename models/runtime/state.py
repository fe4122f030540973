"""The state of running texts, as a value."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class State:
    """The states of B rows: tensors whose first dimension is the row.

    What the tensors mean is up to the runtime. Rows can be selected, repeated and joined, which is all that is
    needed for texts to join a running batch and leave it.
    """

    tensors: tuple[Tensor, ...]

    def __len__(self) -> int:
        return self.tensors[0].shape[0]

    def rows(self, index: Tensor | slice) -> "State":
        """The rows of an index (R,) int64, or of a slice."""
        if isinstance(index, slice):
            return State(tuple(tensor[index] for tensor in self.tensors))
        return State(tuple(tensor.index_select(0, index.to(tensor.device)) for tensor in self.tensors))

    def pack(self) -> bytes:
        """The numbers as bytes, from which `unpack` restores the state for the same runtime."""
        return b"".join(tensor.contiguous().cpu().view(torch.uint8).numpy().tobytes() for tensor in self.tensors)

    @property
    def row_bytes(self) -> int:
        """The size of one row."""
        return sum(tensor[0].numel() * tensor.element_size() for tensor in self.tensors)


def join(states: Sequence[State]) -> State:
    """One state with the rows of all, in their order."""
    if len(states) == 1:
        return states[0]
    return State(tuple(torch.cat(parts) for parts in zip(*(state.tensors for state in states), strict=True)))


def unpack(content: bytes, like: State) -> State:
    """The state that was packed; `like` is one with its shapes and types. Raises ValueError for another size."""
    whole = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    sizes = [tensor.numel() * tensor.element_size() for tensor in like.tensors]
    if sum(sizes) != len(whole):
        raise ValueError(f"a state of {len(whole)} bytes where {sum(sizes)} are needed")
    return State(
        tuple(
            part.clone().view(tensor.dtype).view(tensor.shape).to(tensor.device)
            for part, tensor in zip(torch.split(whole, sizes), like.tensors, strict=True)
        )
    )
