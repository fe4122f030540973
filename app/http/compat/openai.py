"""POST /v1/completions, GET /v1/models and /v1/models/{model}, for clients of OpenAI's API."""

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fastapi import Response

from app.catalog.registry import Served
from app.engine.interface import EngineInterface
from app.engine.jobs import Choice, GenerateJob, Generation, TokenEvent, TokenScore
from app.errors import NotServed
from app.http.clients import Client
from app.http.compat.text_offsets import TextOffsets, spans_as_sent
from app.http.dependencies import ClientDep, EngineDep, ModelName, SettingsDep
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
from app.settings import Settings
from app.telemetry.logs import request_id
from models.sampling import SamplingConfig
from models.text.tokenizers import END_TEXT
from models.text.tokenizers.names import bytes_name, is_whole, piece_name, prompt_ids

PATH = "/v1/completions"
TINY_TOP_P = 1e-9
"""OpenAI allows a top_p of 0, which leaves only the likeliest token."""
DONE = b"data: [DONE]\n\n"
FinishReason = Literal["stop", "length"]


async def no_chat(_: ClientDep) -> None:
    """Say what is served where a client asks for a chat. Raises NotServed."""
    raise NotServed("no chat models are served here; POST /v1/completions continues a prompt")


async def no_embeddings(_: ClientDep) -> None:
    """Say what is served where a client asks for embeddings. Raises NotServed."""
    raise NotServed("no embeddings are served here; POST /v1/completions continues a prompt")


async def models(engine: EngineDep, _: ClientDep) -> ModelList:
    """The models for /v1/completions."""
    served = [served for served in engine.registry.models.values() if served.task == "language"]
    return ModelList(data=[_model(one) for one in served])


async def model_(model: ModelName, engine: EngineDep, _: ClientDep) -> Model:
    """A model for /v1/completions."""
    return _model(engine.registry.for_task("language", model)[0])


def _model(served: Served) -> Model:
    return Model(id=served.name, created=0)


async def completions(
    body: CompletionRequest, engine: EngineDep, client: ClientDep, settings: SettingsDep
) -> Completion | Response:
    """Continue one or several prompts. docs/clients.md lists the differences to OpenAI's API."""
    (served,) = engine.registry.for_task("language", body.model)
    return await complete(PATH, served, body, engine, client, settings)


async def complete(
    path: str, served: Served, body: CompletionRequest, engine: EngineInterface, client: Client, settings: Settings
) -> Completion | Response:
    """Continue prompts with a language model; path is that of the route, for the errors of streams."""
    if body.max_tokens < 0:
        body = body.model_copy(update={"max_tokens": settings.max_new_tokens})
    builder = CompletionBuilder(body, served)
    jobs = [builder.job(prompt) for prompt in body.prompts]
    tickets = await client.submit_all(engine, [(job, served) for job in jobs])
    if body.stream:
        return await stream(client, engine, tickets, CompletionFormatter(builder, jobs, path), settings)
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
        self.body, self.served, self._end_id = body, served, served.tokenizer.end_id
        self.id, self.created = f"cmpl-{request_id.get()}", int(time.time())
        self.seed = secrets.randbelow(2**31) if body.seed is None else body.seed % 2**63

    def job(self, prompt: str | list[int]) -> GenerateJob:
        body, ids = self.body, self._ids(prompt)
        content = prompt if ids is None else ids[int(ids[:1] == (self._end_id,)) :]
        bias = tuple((int(token), value) for token, value in body.logit_bias.items())
        return GenerateJob(
            prompt=prompt if isinstance(prompt, str) and ids is None else "",
            ids=ids,
            max_new_tokens=max(body.max_tokens, not content),  # an empty prompt has no token that could be scored
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
            score_prompt=bool(content) and (not body.max_tokens or (body.echo and body.logprobs is not None)),
        )

    def _ids(self, prompt: str | list[int]) -> tuple[int, ...] | None:
        """The ids of a prompt, if it is not read as a text. One that begins with the text of the end token has ids."""
        if not isinstance(prompt, str):
            return tuple(prompt)
        return prompt_ids(self.served.tokenizer, prompt) if prompt.startswith(END_TEXT) else None

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
            tokens = [self.token(score, offsets) for score in choice.tokens]
            if self.body.echo:
                tokens = self._prompt_tokens(job, generation) + tokens
            logprobs = self.logprobs(tokens)
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
        tokenizer, scores = self.served.tokenizer, generation.prompt_scores
        if job.ids is None:
            spans = spans_as_sent(job.prompt, generation.scored_tokens)
            standing = [
                (text if is_whole(tokenizer, score.id) else piece_name(tokenizer, score.id), offset)
                for (text, offset), score in zip(spans, scores, strict=True)
            ]
        else:
            standing = TextOffsets.of_ids(tokenizer, job.ids)
        unscored = len(standing) - len(scores)  # an end token that begins the ids
        return [
            _Token(text, offset, scores[index - unscored] if index else None)
            for index, (text, offset) in enumerate(standing)
        ]

    def token(self, score: TokenScore, offsets: TextOffsets) -> "_Token":
        """A generated token."""
        return _Token(*offsets.next(score.id), score)

    def logprobs(self, tokens: "Sequence[_Token]") -> Logprobs:
        return Logprobs(
            tokens=[token.text for token in tokens],
            token_logprobs=[token.score.logprob if token.score else None for token in tokens],
            top_logprobs=[self._likeliest(token) for token in tokens] if self.body.logprobs else None,
            text_offset=[token.offset for token in tokens],
        )

    def _likeliest(self, token: "_Token") -> dict[str, float] | None:
        """The likeliest tokens, and the token itself, by their names; where two have one, by their bytes."""
        if token.score is None:
            return None
        named = {token.text: token.score.logprob}
        for other in token.score.top:
            if other.id != token.score.id:
                name = piece_name(self.served.tokenizer, other.id)
                if name in named:
                    name = bytes_name(self.served.tokenizer.surface(other.id))
                named[name if name not in named else f"{name}#{other.id}"] = other.logprob
        return named


@dataclass(frozen=True)
class _Token:
    text: str
    offset: int
    score: TokenScore | None


class CompletionFormatter:
    """A chunk for each token of each choice, then one with its finish reason; `[DONE]` ends the stream."""

    def __init__(self, builder: CompletionBuilder, jobs: Sequence[GenerateJob], path: str) -> None:
        self._builder, self._body, self._path = builder, builder.body, path
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
            logprobs = self._builder.logprobs([self._builder.token(score, self._offsets[choice])])
        return self._chunk(choice, piece.text, logprobs)

    def result(self, index: int, result: Generation) -> bytes:
        self._results.append(result)
        first = index * self._body.n
        return b"".join(
            self._chunk(first + number, "", None, _finish_reason(choice))
            for number, choice in enumerate(result.choices)
        )

    def error(self, error: BaseException) -> bytes:
        return f"event: error\ndata: {json.dumps(stream_error(self._path, error), allow_nan=False)}\n\n".encode()

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


def _finish_reason(choice: Choice) -> FinishReason:
    return "length" if choice.finish_reason == "length" else "stop"


def _usage(results: Sequence[Generation]) -> CompletionUsage:
    prompt = sum(result.prompt_tokens for result in results)
    completion = sum(result.generated_tokens for result in results)
    return CompletionUsage(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)


def _event(completion: Completion) -> bytes:
    return f"data: {completion.model_dump_json(exclude_unset=True)}\n\n".encode()
