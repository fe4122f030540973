"""POST /v1/completions, GET /v1/models and /v1/models/{model}, for clients of OpenAI's API."""

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fastapi import Response

from app.catalog.registry import Served
from app.engine.jobs import Choice, GenerateJob, Generation, TokenEvent, TokenScore
from app.http.compat.text_offsets import TextOffsets, spans_as_sent
from app.http.dependencies import ClientDep, EngineDep, SettingsDep
from app.http.problems import stream_error
from app.http.replies import reply_of
from app.http.schemas.openai import (
    Completion,
    CompletionChoice,
    CompletionRequest,
    CompletionUsage,
    Logprobs,
    Model,
    ModelList,
)  # fmt: skip
from app.http.sse import stream
from app.telemetry.logs import request_id
from models.sampling import SamplingConfig

PATH = "/v1/completions"
TINY_TOP_P = 1e-9
"""OpenAI allows a top_p of 0, which leaves only the likeliest token."""
DONE = b"data: [DONE]\n\n"
FinishReason = Literal["stop", "length"]


async def models(engine: EngineDep, _: ClientDep) -> ModelList:
    """The models for /v1/completions."""
    served = [served for served in engine.registry.models.values() if served.task == "language"]
    return ModelList(data=[_model(one) for one in served])


async def model_(model: str, engine: EngineDep, _: ClientDep) -> Model:
    """A model for /v1/completions."""
    return _model(engine.registry.for_task("language", model)[0])


def _model(served: Served) -> Model:
    return Model(id=served.name, created=0)


async def completions(
    body: CompletionRequest, engine: EngineDep, client: ClientDep, settings: SettingsDep
) -> Completion | Response:
    """Continue one or several prompts. docs/clients.md lists the differences to OpenAI's API."""
    (served,) = engine.registry.for_task("language", body.model)
    builder = CompletionBuilder(body, served)
    jobs = [builder.job(prompt) for prompt in body.prompts]
    tickets = await client.submit_all(engine, [(job, served) for job in jobs])
    if body.stream:
        return await stream(client, engine, tickets, CompletionFormatter(builder, jobs), settings)
    results: list[Generation] = await client.results(tickets)

    def make() -> Completion:
        choices = [
            choice
            for index, (job, generation) in enumerate(zip(jobs, results, strict=True))
            for choice in builder.choices(index, job, generation)
        ]
        return builder.completion(choices, _usage(results))

    return await reply_of(results, make)


class CompletionBuilder:
    """Makes the jobs of one request, and OpenAI's objects of their results."""

    def __init__(self, body: CompletionRequest, served: Served) -> None:
        self.body, self.served = body, served
        self.id, self.created = f"cmpl-{request_id.get()}", int(time.time())
        self.seed = secrets.randbelow(2**31) if body.seed is None else body.seed % 2**63

    def job(self, prompt: str | list[int]) -> GenerateJob:
        body = self.body
        bias = tuple((int(token), value) for token, value in body.logit_bias.items())
        return GenerateJob(
            prompt=prompt if isinstance(prompt, str) else "",
            ids=None if isinstance(prompt, str) else tuple(prompt),
            max_new_tokens=max(body.max_tokens, not prompt),  # an empty prompt has no token that could be scored
            sampling=SamplingConfig(
                body.temperature,
                top_p=(body.top_p or TINY_TOP_P) if body.top_p < 1 else None,
                presence_penalty=body.presence_penalty,
                frequency_penalty=body.frequency_penalty,
                logit_bias=bias,
            ),
            seed=self.seed,
            stop=body.stops,
            choices=max(body.n, body.best_of),
            scored=body.logprobs is not None or body.best_of > body.n,
            top_logprobs=body.logprobs or 0,
            stream=body.stream,
            score_prompt=bool(prompt) and (not body.max_tokens or (body.echo and body.logprobs is not None)),
        )

    def prompt_text(self, job: GenerateJob) -> str:
        return job.prompt if job.ids is None else self.served.tokenizer.decode(job.ids)

    def completion(self, choices: Sequence[CompletionChoice], usage: CompletionUsage | None) -> Completion:
        optional = {"usage": usage} if usage else {}
        return Completion(
            id=self.id,
            object="text_completion",
            created=self.created,
            model=self.served.name,
            system_fingerprint=self.served.checkpoint.version[:12],
            choices=list(choices),
            **optional,
        )

    def choices(self, index: int, job: GenerateJob, generation: Generation) -> list[CompletionChoice]:
        """The choices of prompt number index; of best_of, the n with the highest mean log-probability."""
        body, choices = self.body, list(generation.choices)
        if body.best_of > body.n:
            choices = sorted(choices, key=lambda choice: -choice.mean_logprob)[: body.n]
        first = index * body.n
        return [self._choice(first + number, job, generation, choice) for number, choice in enumerate(choices)]

    def _choice(self, index: int, job: GenerateJob, generation: Generation, choice: Choice) -> CompletionChoice:
        if not self.body.max_tokens:
            choice = Choice("", "length", ())
        echoed = self.prompt_text(job) if self.body.echo else ""
        logprobs = None
        if self.body.logprobs is not None:
            offsets = self.text_offsets(job)
            tokens = [_Token(score.text, offsets.next(score.id), score) for score in choice.tokens]
            if self.body.echo:
                tokens = self._prompt_tokens(job, generation) + tokens
            logprobs = _logprobs(tokens, self.body.logprobs)
        return CompletionChoice(
            text=echoed + choice.text, index=index, logprobs=logprobs, finish_reason=_finish_reason(choice)
        )

    def text_offsets(self, job: GenerateJob) -> TextOffsets:
        """The offsets of generated tokens in the prompt and what follows it."""
        return TextOffsets.after(self.served.tokenizer, self.prompt_text(job), is_text=job.ids is None)

    def _prompt_tokens(self, job: GenerateJob, generation: Generation) -> "list[_Token]":
        """The prompt's tokens with their scores; the first has none, since nothing precedes it.

        Those of a text are what stands in it, which a normalized token need not be.
        """
        scores = generation.prompt_scores
        if job.ids is None:
            spans = list(spans_as_sent(job.prompt, generation.scored_tokens))
        else:
            texts = [score.text for score in scores]
            texts[:1] = [text.removeprefix(" ") for text in texts[:1]]  # as `Tokenizer.decode` does
            spans = list(zip(texts, TextOffsets.of_ids(self.served.tokenizer, job.ids), strict=True))
        return [
            _Token(text, offset, score if index else None)
            for index, ((text, offset), score) in enumerate(zip(spans, scores, strict=True))
        ]


@dataclass(frozen=True)
class _Token:
    text: str
    offset: int
    score: TokenScore | None


class CompletionFormatter:
    """A chunk for each token of each choice, then one with its finish reason; `[DONE]` ends the stream."""

    def __init__(self, builder: CompletionBuilder, jobs: Sequence[GenerateJob]) -> None:
        self._builder, self._body = builder, builder.body
        self._prompts = [builder.prompt_text(job) for job in jobs]
        self._offsets = [builder.text_offsets(job) for job in jobs for _ in range(self._body.n)]
        """For each choice, those of its tokens in the text."""
        self._results: list[Generation] = []

    def begin(self, index: int) -> bytes:
        if not self._body.echo:
            return b""
        first = index * self._body.n
        return b"".join(self._chunk(first + number, self._prompts[index]) for number in range(self._body.n))

    def piece(self, index: int, piece: TokenEvent) -> bytes:
        choice, logprobs = index * self._body.n + piece.choice, None
        if score := piece.score:
            logprobs = _logprobs([_Token(score.text, self._offsets[choice].next(score.id), score)], self._body.logprobs)
        return self._chunk(choice, piece.text, logprobs)

    def result(self, index: int, result: Generation) -> bytes:
        self._results.append(result)
        first = index * self._body.n
        return b"".join(
            self._chunk(first + number, "", None, _finish_reason(choice))
            for number, choice in enumerate(result.choices)
        )

    def error(self, error: BaseException) -> bytes:
        return f"event: error\ndata: {json.dumps(stream_error(PATH, error), allow_nan=False)}\n\n".encode()

    def end(self) -> bytes:
        usage = b""
        if self._body.stream_options.include_usage:
            usage = _event(self._builder.completion([], _usage(self._results)))
        return usage + DONE

    def _chunk(
        self, index: int, text: str, logprobs: Logprobs | None = None, finish_reason: FinishReason | None = None
    ) -> bytes:
        choice = CompletionChoice(text=text, index=index, logprobs=logprobs, finish_reason=finish_reason)
        return _event(self._builder.completion([choice], None))


def _logprobs(tokens: Sequence[_Token], top: int | None) -> Logprobs:
    return Logprobs(
        tokens=[token.text for token in tokens],
        token_logprobs=[token.score.logprob if token.score else None for token in tokens],
        top_logprobs=[_likeliest(token) for token in tokens] if top else None,
        text_offset=[token.offset for token in tokens],
    )


def _likeliest(token: _Token) -> dict[str, float] | None:
    """The likeliest tokens, and the token itself, by their texts."""
    score = token.score
    if score is None:
        return None
    others = {other.text: other.logprob for other in score.top if other.id != score.id}
    return others | {token.text: score.logprob}


def _finish_reason(choice: Choice) -> FinishReason:
    return "length" if choice.finish_reason == "length" else "stop"


def _usage(results: Sequence[Generation]) -> CompletionUsage:
    prompt = sum(result.prompt_tokens for result in results)
    completion = sum(result.generated_tokens for result in results)
    return CompletionUsage(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)


def _event(completion: Completion) -> bytes:
    return f"data: {completion.model_dump_json(exclude_unset=True)}\n\n".encode()
