"""The requests: seeded sequences of bodies, the same for every server."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.extras import BenchError
from benchmarks.texts import REVIEW_SENTENCES, SOURCE_SENTENCES, WORDS

Body = dict[str, Any]

SHORTEST, LONGEST = 8, 256
MEAN_EXTRA = 61.0
"""Mean of the geometric distribution that is added to SHORTEST - 1, before truncation; the sum is about 64."""
SHORTEST_REVIEW, LONGEST_REVIEW = 20, 1000


@dataclass(frozen=True)
class Workload:
    """One kind of request.

    kind is that of the checkpoint it needs. unit is what throughput counts: tokens, as the replies
    report them, or a name for whole requests.
    """

    name: str
    path: str
    kind: str
    unit: str
    body: Callable[[Random], Body]
    stream: bool = False

    @property
    def counts_tokens(self) -> bool:
        return self.unit == "tokens"

    def bodies(self, seed: int) -> Iterator[Body]:
        """Request bodies without end; the same seed gives the same ones."""
        random = Random(f"{self.path} {seed}")
        while True:
            yield {**self.body(random), "stream": True} if self.stream else self.body(random)


def output_length(random: Random) -> int:
    """A number of tokens: geometric, truncated to SHORTEST..LONGEST, with a mean of about 64."""
    stay = 1.0 - 1.0 / MEAN_EXTRA
    most = LONGEST - SHORTEST + 1
    share = random.random() * (1.0 - stay**most)  # within the distribution's mass below the truncation
    return SHORTEST - 1 + min(max(1, math.ceil(math.log1p(-share) / math.log(stay))), most)


def prompt(random: Random) -> str:
    """Three to twelve words."""
    return " ".join(random.choices(WORDS, k=random.randint(3, 12)))


def review(random: Random) -> str:
    """Sentences joined and cut to 20 to 1000 words; log-uniform, since short reviews are more frequent."""
    length = round(math.exp(random.uniform(math.log(SHORTEST_REVIEW), math.log(LONGEST_REVIEW))))
    words: list[str] = []
    while len(words) < length:
        words += random.choice(REVIEW_SENTENCES).split()
    return " ".join(words[:length])


def _generate(random: Random) -> Body:
    tokens = output_length(random)
    seed = random.randrange(2**31)
    return {
        "prompt": prompt(random),
        "min_new_tokens": tokens,  # so that every server generates texts of the same length
        "max_new_tokens": tokens,
        "temperature": 0.8,
        "seed": seed,
    }


def _next_word(random: Random) -> Body:
    return {"text": prompt(random), "top": 5, "unit": "word"}


def _classify(random: Random) -> Body:
    return {"text": review(random)}


def _translate(random: Random) -> Body:
    return {"text": random.choice(SOURCE_SENTENCES), "target": "tr", "beam_size": 5}


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("generate", "/generate", "language", "tokens", _generate),
        Workload("generate-stream", "/generate", "language", "tokens", _generate, stream=True),
        Workload("next-word-probs", "/next-word-probs", "language", "requests", _next_word),
        Workload("classify", "/classify", "classifier", "texts", _classify),
        Workload("translate", "/translate", "translator", "sentences", _translate),
    )
}


def get_workload(name: str) -> Workload:
    """Raise BenchError for an unknown name."""
    if name not in WORKLOADS:
        raise BenchError(f"no workload {name!r}; there are {', '.join(WORKLOADS)}")
    return WORKLOADS[name]
