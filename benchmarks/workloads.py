"""What is asked of the servers: seeded sequences of request bodies, the same for every server."""

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
"""Mean of the geometric distribution that is added to SHORTEST - 1, before it is truncated: all in all about 64."""
SHORTEST_REVIEW, LONGEST_REVIEW = 20, 1000


@dataclass(frozen=True)
class Workload:
    """One kind of request.

    kind is that of the checkpoint it needs. unit is what throughput counts: tokens, as the replies
    report them, or else the name for one request.
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
    """How many tokens to ask for: geometric, truncated to SHORTEST..LONGEST, about 64 in the mean."""
    stay = 1.0 - 1.0 / MEAN_EXTRA
    most = LONGEST - SHORTEST + 1
    share = random.random() * (1.0 - stay**most)  # of the distribution's mass below its truncation
    return SHORTEST - 1 + min(max(1, math.ceil(math.log1p(-share) / math.log(stay))), most)


def prompt(random: Random) -> str:
    """Three to twelve words."""
    return " ".join(random.choices(WORDS, k=random.randint(3, 12)))


def review(random: Random) -> str:
    """Sentences joined and cut to 20 to 1000 words; short ones are likelier, as in real reviews (log-uniform)."""
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
        "min_new_tokens": tokens,  # the length asked for is the length of the text
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


def workload(name: str) -> Workload:
    """Raise BenchError for a name that there is not."""
    if name not in WORKLOADS:
        raise BenchError(f"no workload {name!r}; there are {', '.join(WORKLOADS)}")
    return WORKLOADS[name]
