"""What the engine, decoding and evaluation require of a runtime: `prefill`, `step`, `sample`, `encode`, `classify`."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from models.batch import Batch
from models.networks.encoder_output import EncoderOutput
from models.runtime.state import State
from models.sampling import SamplingStep, sample

MIN_PROBABILITY = 1e-30
"""Stands for a probability of 0, whose logarithm would be infinite."""


class Runtime(Protocol):
    """precision is float32, bfloat16, float16 or int8.

    exact says whether the runtime is batch-invariant: the numbers of a row are the same, bit for bit, whatever its
    index and whatever the other rows are. Elsewhere they agree up to rounding.
    """

    precision: str
    device: torch.device
    exact: bool


class LanguageRuntime(Runtime, Protocol):
    """Reads and scores texts, each a row of the batch. A state is a value: no call changes one.

    has_zeros says whether tokens can have no probability at all: their logits are then log(MIN_PROBABILITY).
    """

    vocabulary: int
    has_zeros: bool

    def start(self, rows: int) -> State:
        """The initial states of new texts."""

    def prefill(self, texts: Sequence[Tensor], state: State) -> State:
        """Read the ids (T,) of each row, T may differ; return the state after them. No logits are computed."""

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one id of each row, (B,); return the logits (B, V) float32 of the next token, and the state."""

    def sample(
        self, ids: Tensor, state: State, step: SamplingStep, return_logits: bool
    ) -> tuple[Tensor, Tensor | None, State]:
        """As step, and sample the next ids, (B,): given the same logits, batch-invariant.

        Returns the ids; the logits, if return_logits; and the state.
        """


class SampleByStep:
    """`LanguageRuntime.sample` for runtimes that don't fuse sampling with the step."""

    def sample(
        self: LanguageRuntime, ids: Tensor, state: State, step: SamplingStep, return_logits: bool
    ) -> tuple[Tensor, Tensor | None, State]:
        logits, after = self.step(ids, state)
        return sample(logits, step), logits if return_logits else None, after


class ClassifierRuntime(Runtime, Protocol):
    """Classifies whole texts. bias (C,) float32 is the part of the logits that no token contributes to."""

    bias: Tensor

    def classify(self, batch: Batch, explain: bool) -> tuple[Tensor, Tensor | None]:
        """Logits (B, C) float32 and, if explain, the contributions (B, T, C) of the tokens to them."""


class TranslatorRuntime(Runtime, Protocol):
    """Encodes sources, and decodes several outputs of each side by side."""

    vocabulary: int

    def encode(self, source: Batch) -> tuple[EncoderOutput, State]:
        """Encode N sources; return the encoder output, and the decoder's initial state of N rows, one a source."""

    def step(self, ids: Tensor, state: State, encoded: EncoderOutput) -> tuple[Tensor, Tensor, State]:
        """Read one id of each of N*K rows; the K rows of a source are adjacent, in the order of the sources.

        Returns log-probabilities (N*K, V) float32, attention weights (N*K, S) and the state.
        """
