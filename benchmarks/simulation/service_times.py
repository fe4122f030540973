"""How long one replica's engine takes for what it does: the numbers that the simulation rests on."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate


@dataclass(frozen=True)
class ServiceTimes:
    """Seconds on one core. step_s has the time of a step by rows, in pairs with ascending rows, the first for 1 row.

    request_s is what a request costs once, beside its steps: HTTP, its place in the batch, and the first read of a
    prompt; prompt_token_s is for each token of the prompt. client_s is what a request costs the load generator.

    All but client_s are medians. slowdown has what they leave out, as one run had it in successive periods: pairs of a
    period in seconds, and by which factor its steps and admissions took longer. Empty: by none.
    """

    step_s: Sequence[tuple[int, float]]
    request_s: float
    prompt_token_s: float
    client_s: float = 0.0
    slowdown: Sequence[tuple[float, float]] = ()

    def step(self, rows: int) -> float:
        """Seconds of a step with so many rows, between the measured ones by a straight line."""
        index = bisect_left(self.step_s, (rows, 0.0))
        if index == 0:
            return self.step_s[0][1]
        if index == len(self.step_s):
            index -= 1  # beyond the last one: the line through the last two
        (fewer, low), (more, high) = self.step_s[index - 1 : index + 1]
        return low + (high - low) * (rows - fewer) / (more - fewer)

    def admission(self, prompt_tokens: int) -> float:
        """Seconds that a request holds the engine before its first step."""
        return self.request_s + self.prompt_token_s * prompt_tokens

    def factor(self, now: float) -> float:
        """The slowdown at a time; the run's periods repeat."""
        if not self.slowdown:
            return 1.0
        return self.slowdown[bisect_right(self._ends, now % self._ends[-1])][1]

    @property
    def length_s(self) -> float:
        """Of the run from which the slowdown is."""
        return self._ends[-1] if self.slowdown else 0.0

    @cached_property
    def _ends(self) -> list[float]:
        return list(accumulate(seconds for seconds, _ in self.slowdown))
