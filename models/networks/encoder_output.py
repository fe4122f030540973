"""The encoder output: all that a decoder with attention reads of its sources."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class EncoderOutput:
    """Of N sources: values (N, S, H), keys (N, S, H), copyable (N, S) int64, and mask (N, S) bool, true where a
    token is real.

    copyable has the tokens that a decoder may copy, and -1 where there is none: the language's token, the end, padding.
    Keys are kept beside the values because a sentence is projected once and attended to at every step.
    """

    values: Tensor
    keys: Tensor
    copyable: Tensor
    mask: Tensor

    def __len__(self) -> int:
        return self.mask.shape[0]

    def rows(self, index: Tensor) -> "EncoderOutput":
        """The sources of an index (R,) int64, cut to the longest of them."""
        mask = self.mask[index]
        width = int(mask.sum(dim=1).max()) if len(mask) else 0
        values, keys, copyable = (tensor[index, :width] for tensor in (self.values, self.keys, self.copyable))
        return EncoderOutput(values, keys, copyable, mask[:, :width])


def join_encoder_outputs(outputs: Sequence[EncoderOutput]) -> EncoderOutput:
    """One encoder output with the sources of all, padded to the longest."""
    width = max(output.mask.shape[1] for output in outputs)

    def padded(tensor: Tensor) -> Tensor:
        missing = width - tensor.shape[1]
        return torch.nn.functional.pad(tensor, (0, 0) * (tensor.dim() - 2) + (0, missing)) if missing else tensor

    return EncoderOutput(
        *(
            torch.cat([padded(getattr(output, name)) for output in outputs])
            for name in ("values", "keys", "copyable", "mask")
        )
    )
