"""What a request may make at most: products of its fields, which the limits of each field alone do not bound."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.jobs import ClassifyJob, DescribeJob, DrawJob, GenerateJob, Job, SummarizeJob, TranslateJob
from app.errors import InvalidRequest


@dataclass(frozen=True)
class Bounds:
    """max_tokens are to be generated, for all prompts and choices of a request.

    max_scores are the numbers that a reply has for its tokens: log-probabilities, contributions, gates.
    max_search is of a translation or a summary: characters × beam size, summed over its texts.
    """

    max_tokens: int = 65_536
    max_scores: int = 131_072
    max_search: int = 1_600_000

    def check(self, jobs: Sequence[Job]) -> None:
        """Raise InvalidRequest where the jobs of a request, all of a kind, would make too much.

        Only what is known before a text is read: `check_scores` does the rest.
        """
        first = jobs[0] if jobs else None
        if isinstance(first, GenerateJob):
            factors = [(len(jobs), "prompts"), (first.choices, "choices"), (first.max_new_tokens, "tokens")]
            _check("tokens to generate", factors, self.max_tokens, "max_new_tokens")
            if first.scored:
                factors.append((1 + first.top_logprobs, "scores"))
                _check("scores in the reply", factors, self.max_scores, "max_new_tokens")
        elif isinstance(first, ClassifyJob) and first.explain:
            # so that no text is read of which most could not be explained
            _check(
                "characters to explain", [(sum(job.characters for job in jobs), "characters")], self.max_scores, "text"
            )
        elif isinstance(first, DrawJob):
            factors = [(len(jobs), "prompts"), (first.n, "images"), (first.height * first.width, "pixels")]
            _check("pixels to draw", factors, self.max_tokens, "n")
        elif isinstance(first, TranslateJob | SummarizeJob):
            factors = [(sum(job.characters for job in jobs), "characters"), (first.beam_size, "hypotheses")]
            _check("characters to search", factors, self.max_search, "beam_size")

    def check_scores(self, scores: int, job: Job) -> None:
        """Raise InvalidRequest for too many scores of a request; job is one of it."""
        if scores > self.max_scores:
            detail = f"its reply could have {scores:,} scores; at most {self.max_scores:,}: ask for less at once"
            field = "prompt" if isinstance(job, GenerateJob) else "image" if isinstance(job, DescribeJob) else "text"
            raise InvalidRequest(detail, field)


def _check(unit: str, factors: Sequence[tuple[int, str]], limit: int, field: str) -> None:
    product = 1
    for number, _ in factors:
        product *= number
    if product > limit:
        formula = " × ".join(f"{number:,} {name}" for number, name in factors if number > 1)
        raise InvalidRequest(f"{formula} are {product:,} {unit}; at most {limit:,}", field)
