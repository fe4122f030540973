"""How long one replica's engine takes for what it does: the numbers that the simulation rests on."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ServiceTimes:
    """Seconds on one core. step_s has the time of a step by rows, in pairs with ascending rows, the first for 1 row.

    request_s is what a request costs once, beside its steps: HTTP, its place in the batch, and the first read of a
    prompt; prompt_token_s is for each token of the prompt.
    """

    step_s: Sequence[tuple[int, float]]
    request_s: float
    prompt_token_s: float

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
