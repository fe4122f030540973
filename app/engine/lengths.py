"""How long generations get until they end by themselves."""

from app.engine.jobs import GenerateJob

DECAY = 0.95
"""The weight that the past keeps with each generation that ends."""
DEVIATIONS = 2.0
"""A generation is planned to be longer than the mean by so many mean deviations."""


class Lengths:
    """Which share of the tokens that are free to generation, between its fewest and its most, a generation takes.

    Mean and mean deviation, exponentially decayed, as TCP estimates its round trips (Jacobson 1988). It
    begins with all.
    """

    def __init__(self) -> None:
        self._mean, self._deviation = 1.0, 0.0

    def record(self, job: GenerateJob, tokens: int) -> None:
        """A generation has ended by itself after so many tokens."""
        free = job.max_new_tokens - job.min_new_tokens
        if free > 0:
            share = (tokens - job.min_new_tokens) / free
            self._deviation = DECAY * self._deviation + (1 - DECAY) * abs(share - self._mean)
            self._mean = DECAY * self._mean + (1 - DECAY) * share

    @property
    def mean(self) -> float:
        """The share that is taken on average."""
        return self._mean

    @property
    def share(self) -> float:
        """The share to plan for: more than the mean, at most all."""
        return min(1.0, self._mean + DEVIATIONS * self._deviation)

    def plan(self, job: GenerateJob) -> float:
        """The tokens to plan for."""
        return _tokens(self.share, job)

    def remaining(self, job: GenerateJob, tokens: int) -> float:
        """Of the planned tokens, those after the first ones; of one that got longer, the mean share of what is left."""
        return self._after(self.share, job, tokens)

    def likely(self, job: GenerateJob, tokens: int) -> float:
        """As remaining, of the mean instead of the plan."""
        return self._after(self._mean, job, tokens)

    def _after(self, share: float, job: GenerateJob, tokens: int) -> float:
        left = _tokens(share, job) - tokens
        return left if left > 0 else self._mean * (job.max_new_tokens - tokens)


def _tokens(share: float, job: GenerateJob) -> float:
    """Of a generation that takes so much of what is free to it."""
    return job.max_new_tokens - (1 - share) * max(0, job.max_new_tokens - job.min_new_tokens)
