"""POST /v1/completions, GET /v1/models and /v1/models/{model}, for clients of OpenAI's API."""

import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from itertools import accumulate
from typing import Any

from fastapi import APIRouter
from sse_starlette import EventSourceResponse

from app.catalog.registry import Served
from app.engine.engine import Engine
from app.engine.jobs import Choice, GenerateJob, Generation, TokenPiece, TokenScore
from app.engine.ticket import Finished, Ticket
from app.errors import InvalidRequest
from app.http.contract import refusals
from app.http.dependencies import ClientDep, EngineDep, SettingsDep
from app.http.problems import stream_error
from app.http.schemas.openai import (
    Completion,
    CompletionChoice,
    CompletionRequest,
    CompletionUsage,
    Logprobs,
    Model,
    ModelList,
    OpenAIError,
)  # fmt: skip
from app.http.sse import STREAMED, next_events, reply, told
from app.settings import Settings
from app.telemetry.logs import request_id
from models.sampling import SamplingConfig

PATH = "/v1/completions"
TINY = 1e-9
"""OpenAI takes a top_p of 0, which leaves the likeliest token alone."""
DONE = b"data: [DONE]\n\n"


def router(_settings: Settings) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["OpenAI"], responses=refusals("/v1/", OpenAIError, never=(409,)))
    routes.add_api_route(
        "/completions",
        completions,
        methods=["POST"],
        summary="Go on with prompts",
        response_model=Completion,
        response_model_exclude_unset=True,
        responses={200: STREAMED},
    )
    routes.add_api_route("/models", models, methods=["GET"], summary="All language models", response_model=ModelList)
    routes.add_api_route("/models/{model}", model_, methods=["GET"], summary="One of them", response_model=Model)
    return routes


async def models(engine: EngineDep, _: ClientDep) -> ModelList:
    """The models that /v1/completions takes."""
    served = [served for served in engine.registry.models.values() if served.task == "language"]
    return ModelList(data=[_model(one) for one in served])


async def model_(model: str, engine: EngineDep, _: ClientDep) -> Model:
    """One of the models that /v1/completions takes."""
    return _model(engine.registry.of_kind("language", model)[0])


def _model(served: Served) -> Model:
    return Model(id=served.name, created=0)


async def completions(
    body: CompletionRequest, engine: EngineDep, client: ClientDep, settings: SettingsDep
) -> Completion | EventSourceResponse:
    """Go on with one or several prompts. Differences to OpenAI's API stand in docs/clients.md."""
    (served,) = engine.registry.of_kind("language", body.model)
    asked = _Asked(body, served)
    jobs = [asked.job(prompt) for prompt in _prompts(body, settings)]
    tickets = await client.submit_all(engine, jobs)
    if body.stream:
        first = await client.first(*tickets)
        return reply(asked.events(engine, tickets, first), settings)
    results: list[Generation] = await client.results(tickets)
    choices = [choice for place, made in enumerate(results) for choice in asked.choices(place, jobs[place], made)]
    return asked.completion(choices, _usage(results))


def _prompts(body: CompletionRequest, settings: Settings) -> list[str | list[int]]:
    """The prompts. Raises InvalidRequest where they, or what is asked of them, are past the limits of settings."""
    prompts = body.prompts
    longest = max(len(prompt) for prompt in prompts)
    for field, given, limit in (
        ("prompt", longest, settings.max_prompt_characters),
        ("prompt", len(prompts), settings.max_texts),
        ("max_tokens", body.max_tokens, settings.max_new_tokens),
        ("n", max(body.n, body.best_of), settings.max_choices),
    ):
        if given > limit:
            raise InvalidRequest(f"at most {limit}; given: {given}", field)
    return prompts


class _Asked:
    """One request: what it asks of the engine, and how the answer is put."""

    def __init__(self, body: CompletionRequest, served: Served) -> None:
        self.body, self.served = body, served
        self.id, self.created = f"cmpl-{request_id.get()}", int(time.time())
        self.seed = secrets.randbelow(2**31) if body.seed is None else body.seed % 2**63
        self._offsets: dict[int, int] = {}  # where the next token of a streamed choice begins

    def job(self, prompt: str | list[int]) -> GenerateJob:
        body = self.body
        bias = tuple((int(token), value) for token, value in body.logit_bias.items())
        return GenerateJob(
            model=self.served.name,
            prompt=prompt if isinstance(prompt, str) else "",
            ids=None if isinstance(prompt, str) else tuple(prompt),
            max_new_tokens=max(body.max_tokens, not prompt),  # an empty prompt has no token that could be scored
            sampling=SamplingConfig(
                body.temperature,
                top_p=(body.top_p or TINY) if body.top_p < 1 else None,
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

    def choices(self, place: int, job: GenerateJob, made: Generation) -> list[CompletionChoice]:
        """The choices of the prompt at a place; of best_of, the n likeliest by the mean of their tokens."""
        body, found = self.body, list(made.choices)
        if body.best_of > body.n:
            found = sorted(found, key=lambda choice: -choice.mean_logprob)[: body.n]
        text = self._prompt_text(job)
        prompt = text if body.echo else ""
        return [
            self._choice(place * body.n + number, prompt, len(text), made, choice)
            for number, choice in enumerate(found)
        ]

    def completion(self, choices: Sequence[CompletionChoice], usage: CompletionUsage | None) -> Completion:
        made = {"usage": usage} if usage else {}
        return Completion(
            id=self.id,
            object="text_completion",
            created=self.created,
            model=self.served.name,
            system_fingerprint=self.served.checkpoint.version[:12],
            choices=list(choices),
            **made,
        )

    async def events(self, engine: Engine, tickets: Sequence[Ticket], first: Sequence[Any]) -> AsyncIterator[bytes]:
        """The texts of one prompt after those of the other: of those that wait, the engine sets some aside."""
        results: list[Generation] = []
        try:
            for place, ticket in enumerate(tickets):
                begun = first if place == 0 else await next_events(ticket)
                assert isinstance(ticket.job, GenerateJob)
                for number in range(self.body.n):
                    self._offsets[place * self.body.n + number] = len(self._prompt_text(ticket.job))
                if self.body.echo:
                    yield self._echoes(place, ticket)
                async with aclosing(told(engine, ticket, begun)) as batches:
                    async for batch in batches:
                        yield b"".join(self._chunks(place, item) for item in batch)
                        if isinstance(batch[-1], Finished):
                            if batch[-1].error:
                                return
                            results.append(batch[-1].result)
            if self.body.stream_options.include_usage:
                yield _data(self.completion([], _usage(results)))
            yield DONE
        finally:
            for ticket in tickets:
                ticket.leave()

    def _chunks(self, place: int, item: Any) -> bytes:
        """What one thing that a ticket was told becomes."""
        number = place * self.body.n
        if isinstance(item, TokenPiece):
            return self._chunk(number + item.choice, item.text, item.score, None)
        assert isinstance(item, Finished)
        if item.error:
            return f"event: error\ndata: {json.dumps(stream_error(PATH, item.error))}\n\n".encode()
        ends = enumerate(item.result.choices)
        return b"".join(self._chunk(number + choice, "", None, made.finish_reason) for choice, made in ends)

    def _chunk(self, index: int, text: str, score: TokenScore | None, reason: str | None) -> bytes:
        logprobs = None
        if score:
            logprobs = _logprobs([(score.text, score)], self._offsets[index], self.body.logprobs)
            self._offsets[index] += len(score.text)
        choice = CompletionChoice(text=text, index=index, logprobs=logprobs, finish_reason=_reason(reason))
        return _data(self.completion([choice], None))

    def _echoes(self, place: int, ticket: Ticket) -> bytes:
        assert isinstance(ticket.job, GenerateJob)
        text, first = self._prompt_text(ticket.job), place * self.body.n
        return b"".join(self._chunk(first + number, text, None, None) for number in range(self.body.n))

    def _prompt_text(self, job: GenerateJob) -> str:
        return job.prompt if job.ids is None else self.served.tokenizer.decode(job.ids)

    def _choice(self, index: int, prompt: str, offset: int, made: Generation, choice: Choice) -> CompletionChoice:
        """prompt is what is echoed, and offset how long it is, echoed or not."""
        if not self.body.max_tokens:
            choice = Choice("", "length", ())
        logprobs = None
        if self.body.logprobs is not None:
            tokens: list[tuple[str, TokenScore | None]] = [(score.text, score) for score in choice.tokens]
            if self.body.echo:
                tokens = self._prompt_tokens(prompt, made.prompt_scores) + tokens
            logprobs = _logprobs(tokens, 0 if self.body.echo else offset, self.body.logprobs)
        return CompletionChoice(
            text=prompt + choice.text, index=index, logprobs=logprobs, finish_reason=_reason(choice.finish_reason)
        )

    def _prompt_tokens(self, prompt: str, scores: Sequence[TokenScore]) -> list[tuple[str, TokenScore | None]]:
        """The prompt's tokens as they stand in its text; the first one has no score, since nothing is before it."""
        texts = [score.text for score in scores]
        if texts and not prompt.startswith(" "):
            texts[0] = texts[0].removeprefix(" ")  # the space that was put before the text
        return [(text, score if place else None) for place, (text, score) in enumerate(zip(texts, scores, strict=True))]


def _logprobs(tokens: Sequence[tuple[str, TokenScore | None]], start: int, top: int | None) -> Logprobs:
    """Offsets are where tokens begin in the text, from start on."""
    texts = [text for text, _ in tokens]
    likeliest = [{other.text: other.logprob for other in (*score.top, score)} if score else None for _, score in tokens]
    return Logprobs(
        tokens=texts,
        token_logprobs=[score.logprob if score else None for _, score in tokens],
        top_logprobs=likeliest if top else None,
        text_offset=list(accumulate((len(text) for text in texts[:-1]), initial=start)) if texts else [],
    )


def _reason(ours: str | None) -> Any:
    return "stop" if ours == "end" else ours


def _usage(results: Sequence[Generation]) -> CompletionUsage:
    read, written = sum(made.prompt_tokens for made in results), sum(made.generated_tokens for made in results)
    return CompletionUsage(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


def _data(made: Completion) -> bytes:
    return f"data: {made.model_dump_json(exclude_unset=True)}\n\n".encode()
