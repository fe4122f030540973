"""What a running text remembers, as a value."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class State:
    """The memories of B rows: tensors whose first dimension is the row.

    What the tensors are is the runtime's own affair. Rows may be left out, repeated and joined: that
    is all that is needed for texts to step on to a running batch and off it.
    """

    tensors: tuple[Tensor, ...]

    def __len__(self) -> int:
        return self.tensors[0].shape[0]

    def rows(self, index: Tensor | slice) -> "State":
        """The rows of an index (R,) int64, or of a slice."""
        return State(tuple(tensor[index] for tensor in self.tensors))

    def pack(self) -> bytes:
        """All numbers, as they are; `unpack` of the same runtime's makes a state of them again."""
        return b"".join(tensor.contiguous().cpu().view(torch.uint8).numpy().tobytes() for tensor in self.tensors)

    @property
    def row_bytes(self) -> int:
        """What one more row costs."""
        return sum(tensor[0].numel() * tensor.element_size() for tensor in self.tensors)


def join(states: Sequence[State]) -> State:
    """One state with the rows of all, in their order."""
    if len(states) == 1:
        return states[0]
    return State(tuple(torch.cat(parts) for parts in zip(*(state.tensors for state in states), strict=True)))


def unpack(content: bytes, like: State) -> State:
    """What `pack` was given, a state with the shapes and types of another. Raises ValueError for another size."""
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
