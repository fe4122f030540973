"""POST /hf/{model}: one URL a model, for Hugging Face's InferenceClient."""

import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Literal, TypeVar

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sse_starlette import EventSourceResponse

from app.catalog.registry import Served
from app.engine.engine import Engine
from app.engine.jobs import Choice, ClassifyJob, GenerateJob, Generation, TokenPiece, TokenScore, TranslateJob
from app.engine.ticket import Finished, Ticket
from app.errors import InvalidRequest
from app.http.contract import refusals, with_body
from app.http.dependencies import Client, ClientDep, EngineDep, SettingsDep
from app.http.problems import stream_error
from app.http.schemas import huggingface as shapes
from app.http.schemas.base import as_list
from app.http.schemas.huggingface import (
    ClassificationParameters,
    Details,
    GeneratedText,
    GenerationParameters,
    Inference,
    InferenceError,
    Label,
    StreamDetails,
    StreamedToken,
    Token,
    TranslatedText,
    TranslationParameters,
    inference,
)  # fmt: skip
from app.http.schemas.lax import LaxRequest
from app.http.sse import STREAMED, reply, told
from app.settings import Settings
from models.sampling import SamplingConfig

BEAM_SIZE = 5
ParametersT = TypeVar("ParametersT", bound=LaxRequest)
Answer = list[GeneratedText] | list[list[Label]] | list[TranslatedText]
Reason = Literal["length", "eos_token", "stop_sequence"]
REASONS: dict[str, Reason] = {"length": "length", "end": "eos_token", "stop": "stop_sequence"}


def router(settings: Settings) -> APIRouter:
    routes = APIRouter(prefix="/hf", tags=["Hugging Face"], responses=refusals("/hf/", InferenceError, never=(409,)))
    routes.add_api_route(
        "/{model}",
        with_body(infer, inference(settings)),
        methods=["POST"],
        summary="Generate, classify or translate, as the model can",
        response_model=Answer,
        response_model_exclude_unset=True,
        responses={200: STREAMED},
    )
    return routes


async def infer(
    model: str, body: Inference, engine: EngineDep, client: ClientDep, settings: SettingsDep
) -> Answer | EventSourceResponse:
    """What the model is made for: text_generation, text_classification or translation."""
    served = engine.registry.get(model)
    if served.task == "language":
        return await _generate(served, body, engine, client, settings)
    limit = settings.max_text_characters if served.kind == "classifier" else settings.max_source_characters
    texts = as_list(body.inputs)
    _check(texts, settings.max_texts, limit)
    if served.kind == "classifier":
        return await _classify(served, body, texts, engine, client)
    return await _translate(served, body, texts, engine, client)


def _check(texts: Sequence[str], most: int, longest: int) -> None:
    for given, limit in ((len(texts), most), (max(map(len, texts)), longest)):
        if given > limit:
            raise InvalidRequest(f"at most {limit}; given: {given}", "text")


def _parameters(body: Inference, shape: type[ParametersT]) -> ParametersT:
    try:
        return shape.model_validate(body.parameters)
    except ValidationError as error:
        found = [{**entry, "loc": ("parameters", *entry["loc"])} for entry in error.errors()]
        raise RequestValidationError(found) from None


async def _classify(
    served: Served, body: Inference, texts: Sequence[str], engine: Engine, client: Client
) -> list[list[Label]]:
    parameters = _parameters(body, ClassificationParameters)
    verdicts = await client.result(await client.submit(engine, ClassifyJob(served.name, tuple(texts))))
    ranked = [sorted(verdict.scores.items(), key=lambda item: -item[1])[: parameters.top_k] for verdict in verdicts]
    return [[Label(label=label, score=score) for label, score in scores] for scores in ranked]


async def _translate(
    served: Served, body: Inference, texts: Sequence[str], engine: Engine, client: Client
) -> list[TranslatedText]:
    parameters = _parameters(body, TranslationParameters)
    asked = (parameters.src_lang, parameters.tgt_lang)
    _, target, _ = engine.registry.for_translation(served.name, texts, *asked)
    job = TranslateJob(served.name, tuple(texts), target, BEAM_SIZE, 1.0)
    made = await client.result(await client.submit(engine, job))
    return [TranslatedText(translation_text=translation.text) for translation in made]


async def _generate(
    served: Served, body: Inference, engine: Engine, client: Client, settings: Settings
) -> list[GeneratedText] | EventSourceResponse:
    parameters, prompts = _parameters(body, GenerationParameters), as_list(body.inputs)
    _check(prompts, settings.max_texts, settings.max_prompt_characters)
    asked = [_Asked(served, prompt, body.stream, parameters, settings) for prompt in prompts]
    tickets = await client.submit_all(engine, [one.job for one in asked])
    if body.stream:
        return reply(asked[0].events(engine, tickets[0], await client.first(*tickets)), settings)
    made = await client.results(tickets)
    return [one.answer(generation) for one, generation in zip(asked, made, strict=True)]


class _Asked:
    """One generation: what it asks of the engine, and how the answer is put."""

    def __init__(
        self, served: Served, prompt: str, stream: bool, parameters: GenerationParameters, settings: Settings
    ) -> None:
        self.prompt, self.parameters = prompt, parameters
        self.path, self._end_id = f"/hf/{served.name}", served.tokenizer.end_id
        for name, limit in (("max_new_tokens", settings.max_new_tokens), ("best_of", settings.max_choices)):
            if (given := getattr(parameters, name)) > limit:
                raise InvalidRequest(f"at most {limit}; given: {given}", name)
        if stream and (parameters.best_of > 1 or parameters.decoder_input_details):
            raise InvalidRequest("best_of and decoder_input_details can't be streamed", "stream")
        self.job = self._job(served, stream)

    def _job(self, served: Served, stream: bool) -> GenerateJob:
        asked = self.parameters
        return GenerateJob(
            model=served.name,
            prompt=self.prompt,
            most_read=asked.truncate,
            max_new_tokens=asked.max_new_tokens,
            sampling=SamplingConfig(
                (asked.temperature or 1.0) if asked.samples else 0.0,
                asked.top_k,
                asked.top_p,
                asked.repetition_penalty,
                frequency_penalty=asked.frequency_penalty,
            ),
            seed=secrets.randbelow(2**31) if asked.seed is None else asked.seed,
            stop=tuple(filter(None, [*asked.stop, *asked.stop_sequences])),
            choices=asked.best_of,
            scored=stream or asked.details or asked.best_of > 1,
            top_logprobs=asked.top_n_tokens,
            stream=stream,
            score_prompt=asked.decoder_input_details and asked.details,
        )

    def answer(self, made: Generation) -> GeneratedText:
        best, *others = sorted(made.choices, key=lambda choice: -choice.mean_logprob)
        if not self.parameters.details:
            return GeneratedText(generated_text=self._text(best))
        prefill = [
            Token(id=score.id, text=score.text, logprob=score.logprob if place else None, special=False)
            for place, score in enumerate(made.prompt_scores)
        ]
        more: dict[str, Any] = {}
        if self.parameters.top_n_tokens:
            more["top_tokens"] = [[self._token(other) for other in score.top] for score in best.tokens]
        if others:
            more["best_of_sequences"] = [
                shapes.Sequence(generated_text=self._text(other), **self._facts(other)) for other in others
            ]
        details = Details(**self._facts(best), prefill=prefill, **more)
        return GeneratedText(generated_text=self._text(best), details=details)

    async def events(self, engine: Engine, ticket: Ticket, first: Sequence[Any]) -> AsyncIterator[bytes]:
        """A token an event; the last one has the whole text too, so that each waits for what comes after it."""
        held: TokenPiece | None = None
        number = 0
        async with aclosing(told(engine, ticket, first)) as batches:
            async for batch in batches:
                parts: list[bytes] = []
                for item in batch:
                    if held is not None:
                        number += 1
                        parts.append(self._event(number, held, item))
                    held = item if isinstance(item, TokenPiece) else None
                    if isinstance(item, Finished) and item.error:
                        parts.append(f"data: {json.dumps(stream_error(self.path, item.error))}\n\n".encode())
                if parts:
                    yield b"".join(parts)

    def _event(self, number: int, piece: TokenPiece, then: Any) -> bytes:
        assert piece.score is not None
        token = self._token(piece.score).model_copy(update={"text": piece.text})
        made: dict[str, Any] = {"index": number, "token": token, "generated_text": None, "details": None}
        if self.parameters.top_n_tokens:
            made["top_tokens"] = [self._token(other) for other in piece.score.top]
        if isinstance(then, Finished) and not then.error:
            (choice,) = then.result.choices
            made["generated_text"] = self._text(choice)
            made["details"] = StreamDetails(
                finish_reason=REASONS[choice.finish_reason],
                generated_tokens=then.result.generated_tokens,
                input_length=then.result.prompt_tokens,
                seed=self.job.seed,
            )
        return f"data:{StreamedToken(**made).model_dump_json(exclude_unset=True)}\n\n".encode()

    def _text(self, choice: Choice) -> str:
        return self.prompt + choice.text if self.parameters.return_full_text else choice.text

    def _facts(self, choice: Choice) -> dict[str, Any]:
        return {
            "finish_reason": REASONS[choice.finish_reason],
            "generated_tokens": len(choice.tokens),
            "seed": self.job.seed,
            "tokens": [self._token(score) for score in choice.tokens],
        }

    def _token(self, score: TokenScore) -> Token:
        return Token(id=score.id, text=score.text, logprob=score.logprob, special=score.id == self._end_id)
