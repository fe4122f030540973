"""What the engine, the searches and the measurements ask of a runtime: `prefill`, `step`, `encode`, `classify`."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from models.batch import Batch
from models.runtime.state import Memory, State
from models.sampling import Draw


class Runtime(Protocol):
    """precision is float32, bfloat16, float16 or int8. exact says whether the numbers of a row are the very
    same alone and in any company, whatever its place; elsewhere they agree up to rounding.
    """

    precision: str
    device: torch.device
    exact: bool


class LanguageRuntime(Runtime, Protocol):
    """Reads and scores texts, each a row. A state is a value: no call changes one."""

    vocabulary: int

    def start(self, rows: int) -> State:
        """The memories of texts of which nothing is read yet."""

    def prefill(self, texts: Sequence[Tensor], state: State) -> State:
        """Read the ids (T,) of each row, as many as each has; return the state after them, with nothing scored."""

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one id of each row, (B,); return the logits (B, V) float32 of what comes next, and the state."""

    def draw(self, ids: Tensor, state: State, how: Draw, scored: bool) -> tuple[Tensor, Tensor | None, State]:
        """As step, and draw what comes next, (B,): the very same in any company, given the same logits.

        Returns the ids drawn; the logits, where it is to be scored; and the state.
        """


class ClassifierRuntime(Runtime, Protocol):
    """Judges whole texts. bias (C,) float32 is what a logit is before any token has a share in it."""

    bias: Tensor

    def classify(self, batch: Batch, explain: bool) -> tuple[Tensor, Tensor | None]:
        """Logits (B, C) float32 and, where asked for, the shares (B, T, C) of the tokens in them."""


class TranslatorRuntime(Runtime, Protocol):
    """Encodes sources, and writes several outputs of each side by side."""

    vocabulary: int

    def encode(self, source: Batch) -> tuple[Memory, State]:
        """Read N sources; return what decoding needs of them, and a state of N rows, one output a source."""

    def step(self, ids: Tensor, state: State, memory: Memory) -> tuple[Tensor, Tensor, State]:
        """Read one id of each of N*K rows, K to a source and those of a source side by side.

        Returns logits (N*K, V) float32, attention weights (N*K, S) and the state.
        """
