"""POST /hf/{model}: one URL for each model, for Hugging Face's InferenceClient."""

import json
import secrets
from typing import Any, Literal, TypeVar

from fastapi import Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app.catalog.registry import Served, choose_directions
from app.engine.engine import LONG_TEXT
from app.engine.interface import EngineInterface
from app.engine.jobs import (
    Choice,
    ClassifyJob,
    Drawing,
    GenerateJob,
    Generation,
    SummarizeJob,
    Summary,
    TokenEvent,
    TokenScore,
    TranslateJob,
    Translation,
    Verdict,
)
from app.errors import InvalidRequest
from app.http import operations
from app.http.clients import Client
from app.http.compat import openai
from app.http.contract import TOKENIZE_SHARE
from app.http.dependencies import ClientDep, EngineDep, ModelName, SettingsDep
from app.http.operations.drawing import draw_job, scale_of
from app.http.operations.operation import run
from app.http.operations.speech import speech
from app.http.operations.translation import translation_batches
from app.http.problems import stream_error
from app.http.replies import chunked, decoded, prepared, reply_of
from app.http.schemas import huggingface as schemas
from app.http.schemas.base import as_list
from app.http.schemas.huggingface import (
    ClassificationInputs,
    Details,
    DrawingInputs,
    GeneratedText,
    GenerationInputs,
    GenerationParameters,
    Inference,
    Label,
    SpeakingInputs,
    StreamDetails,
    StreamedToken,
    SummarizationInputs,
    SummaryText,
    Token,
    TranslatedText,
    TranslationInputs,
)  # fmt: skip
from app.http.schemas.limits import limited
from app.http.schemas.models import (
    DetokenizeReply,
    DetokenizeRequest,
    PromptTokens,
    TokenizeReply,
    TokenizeRequest,
    TokenizerInfo,
)  # fmt: skip
from app.http.schemas.openai import Completion, ModelCompletionRequest
from app.http.sse import stream
from app.settings import Settings
from models.decoding import summaries
from models.decoding.beam_search import DEFAULT_BEAM_SIZE
from models.png import png_of
from models.runtime.pixel_rnn import DEFAULT_GUIDANCE
from models.sampling import SamplingConfig
from models.sound import write_sound

InputsT = TypeVar(
    "InputsT",
    GenerationInputs,
    ClassificationInputs,
    TranslationInputs,
    SummarizationInputs,
    DrawingInputs,
    SpeakingInputs,
)
Answer = list[GeneratedText] | list[list[Label]] | list[TranslatedText] | list[SummaryText]
FinishReason = Literal["length", "eos_token", "stop_sequence"]
FINISH_REASONS: dict[str, FinishReason] = {"length": "length", "end": "eos_token", "stop": "stop_sequence"}


async def infer(
    model: ModelName, body: Inference, engine: EngineDep, client: ClientDep, settings: SettingsDep
) -> Answer | Response:
    """The model's task: text_generation, text_classification, translation, summarization, text_to_image (a PNG), or
    text_to_speech (a WAV file)."""
    served = engine.registry.get_among(model, schemas.PARAMETERS)
    if served.task not in schemas.PARAMETERS:
        raise InvalidRequest(f"the model is of the kind {served.kind}: send the file itself as the body", "inputs")
    _check_task(served, body)
    if served.task == "language":
        return await _generate(served, body, engine, client, settings)
    if served.task == "classifier":
        return await _classify(served, body, engine, client, settings)
    if served.task == "summarizer":
        return await _summarize(served, body, engine, client, settings)
    if served.task == "image":
        return await _draw(served, body, engine, client, settings)
    if served.task == "speaker":
        return await _speak(served, body, engine, client, settings)
    return await _translate(served, body, engine, client, settings)


async def completions(
    model: ModelName, body: ModelCompletionRequest, engine: EngineDep, client: ClientDep, settings: SettingsDep
) -> Completion | Response:
    """As /v1/completions, for the model of the address."""
    served = engine.registry.get_among(model, {"language"})
    if served.task != "language":
        raise InvalidRequest(f"the model is of the kind {served.kind}; this needs a language model", "model")
    return await openai.complete(f"/hf/{served.name}/v1/completions", served, body, engine, client, settings)


async def tokenize(
    model: ModelName, body: TokenizeRequest, engine: EngineDep, client: ClientDep, settings: SettingsDep
) -> TokenizeReply | PromptTokens | Response:
    """As /tokenize, for the model of the address."""
    body = body.model_copy(update={"model": model})
    operations.check_tokenize(body)
    text = body.text or body.prompt or ""
    await client.charge(len(text) / TOKENIZE_SHARE)
    if len(text) <= LONG_TEXT:
        return operations.tokenize(body, engine.registry, settings.max_prompt_characters)
    return await chunked(lambda: operations.tokenize(body, engine.registry, settings.max_prompt_characters))


async def detokenize(
    model: ModelName, body: DetokenizeRequest, engine: EngineDep, client: ClientDep
) -> DetokenizeReply:
    """As /detokenize, for the model of the address."""
    await client.charge(len(body.tokens) / TOKENIZE_SHARE)
    body = body.model_copy(update={"model": model})
    return operations.detokenize(body, engine.registry)


async def tokenizer_info(model: ModelName, engine: EngineDep, _: ClientDep, settings: SettingsDep) -> TokenizerInfo:
    """As /tokenizer_info, for the model of the address."""
    return operations.tokenizer_info(engine.registry, model, settings.max_prompt_characters)


def _check_task(served: Served, body: Inference) -> None:
    """Raise InvalidRequest where a request is for another task than the model's: by its parameters, or as a stream."""
    if body.stream and served.task != "language":
        raise InvalidRequest("only language models stream", "stream")
    known = schemas.PARAMETERS[served.task]
    beside = body.model_extra or {}  # where the client has those of feature_extraction
    foreign = [f"parameters/{name}" for name, value in body.parameters.items() if value is not None
               and name not in known and name in schemas.ALL_PARAMETERS]  # fmt: skip
    foreign += [name for name, value in beside.items() if value is not None and name in schemas.OF_OTHER_TASKS]
    if foreign:
        raise InvalidRequest(f"the model is of the kind {served.kind}, which has no such parameter", foreign[0])


def _inputs(body: Inference, schema: type[InputsT], settings: Settings) -> InputsT:
    """A request as the schema of its model's task has it. Raises RequestValidationError."""
    inputs: Any = body.inputs  # raw, to be validated here, as the parameters
    parameters: Any = body.parameters
    try:
        return limited(schema, settings)(inputs=inputs, parameters=parameters)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


async def _classify(
    served: Served, body: Inference, engine: EngineInterface, client: Client, settings: Settings
) -> list[list[Label]]:
    request = _inputs(body, ClassificationInputs, settings)
    job = ClassifyJob(tuple(as_list(request.inputs)))
    verdicts = await client.result(await client.submit(engine, job, served))
    return [_labels(verdict, request.parameters.top_k) for verdict in verdicts]


def _labels(verdict: Verdict, top_k: int | None) -> list[Label]:
    ranked = sorted(verdict.scores.items(), key=lambda item: -item[1])[:top_k]
    return [Label(label=label, score=score) for label, score in ranked]


async def _translate(
    served: Served, body: Inference, engine: EngineInterface, client: Client, settings: Settings
) -> list[TranslatedText]:
    request = _inputs(body, TranslationInputs, settings)
    texts, parameters = as_list(request.inputs), request.parameters
    directions = await prepared(
        sum(map(len, texts)), choose_directions, [served], request.inputs, parameters.src_lang, parameters.tgt_lang
    )
    batches = translation_batches(texts, directions)
    jobs = batches.jobs(
        lambda texts, key: (TranslateJob(texts, key[1], DEFAULT_BEAM_SIZE, 1.0, unchanged=key[2]), served)
    )
    results: list[list[Translation]] = await client.results(await client.submit_all(engine, jobs))
    return [TranslatedText(translation_text=translation.text) for translation in batches.in_order(results)]


async def _summarize(
    served: Served, body: Inference, engine: EngineInterface, client: Client, settings: Settings
) -> list[SummaryText]:
    request = _inputs(body, SummarizationInputs, settings)
    parameters = request.parameters
    limit = min(parameters.max_new_tokens, parameters.generate_parameters.max_new_tokens)
    job = SummarizeJob(tuple(as_list(request.inputs)), limit, summaries.DEFAULT_BEAM_SIZE, 1.0)
    results: list[Summary] = await client.result(await client.submit(engine, job, served))
    return [SummaryText(summary_text=summary.text) for summary in results]


async def _draw(
    served: Served, body: Inference, engine: EngineInterface, client: Client, settings: Settings
) -> Response:
    request = _inputs(body, DrawingInputs, settings)
    parameters = request.parameters
    scale = scale_of(parameters.width, parameters.height, served, "parameters/width")
    seed = secrets.randbelow(2**31) if parameters.seed is None else parameters.seed
    scale_of_guidance = parameters.guidance_scale
    guidance = DEFAULT_GUIDANCE if scale_of_guidance is None else max(0.0, scale_of_guidance - 1)
    job = draw_job(served, request.inputs, 1, seed, guidance)
    drawing: Drawing = await client.result(await client.submit(engine, job, served))
    content = await decoded(png_of, drawing.images[0].rows, scale)
    return Response(content, media_type="image/png")


async def _speak(
    served: Served, body: Inference, engine: EngineInterface, client: Client, settings: Settings
) -> Response:
    request = _inputs(body, SpeakingInputs, settings)
    parameters = request.parameters
    operation = speech(served, request.inputs, parameters.voice, parameters.seed, parameters.speed, "inputs")
    spoken = await run(operation, client, engine)
    content = await decoded(write_sound, spoken.wave, spoken.rate)
    return Response(content, media_type="audio/wav")


async def _generate(
    served: Served, body: Inference, engine: EngineInterface, client: Client, settings: Settings
) -> list[GeneratedText] | Response:
    request = _inputs(body, GenerationInputs, settings)
    parameters = request.parameters
    if body.stream and (parameters.best_of > 1 or parameters.decoder_input_details):
        raise InvalidRequest("best_of and decoder_input_details can't be streamed", "stream")
    builders = [GenerationBuilder(served, prompt, body.stream, parameters) for prompt in as_list(request.inputs)]
    tickets = await client.submit_all(engine, [(builder.job, served) for builder in builders])
    if body.stream:
        formatter = GenerationFormatter(builders[0], f"/hf/{served.name}")
        return await stream(client, engine, tickets, formatter, settings)
    results = await client.results(tickets)

    def make() -> list[GeneratedText]:
        return [builder.generated_text(result) for builder, result in zip(builders, results, strict=True)]

    return await reply_of(results, make)


class GenerationBuilder:
    """Makes the job of one prompt, and text-generation-inference's objects of its result."""

    def __init__(self, served: Served, prompt: str, stream: bool, parameters: GenerationParameters) -> None:
        self.prompt, self.parameters = prompt, parameters
        self._end_id = served.tokenizer.end_id
        self.job = self._job(stream)

    def _job(self, stream: bool) -> GenerateJob:
        parameters = self.parameters
        return GenerateJob(
            prompt=self.prompt,
            truncate=parameters.truncate,
            max_new_tokens=parameters.max_new_tokens,
            sampling=SamplingConfig(
                (parameters.temperature or 1.0) if parameters.samples else 0.0,
                parameters.top_k,
                parameters.top_p,
                parameters.repetition_penalty,
                frequency_penalty=parameters.frequency_penalty,
                typical_p=parameters.typical_p,
            ),
            seed=secrets.randbelow(2**31) if parameters.seed is None else parameters.seed,
            stop=tuple(filter(None, [*parameters.stop, *parameters.stop_sequences])),
            choices=parameters.best_of,
            scored=stream or parameters.details or parameters.best_of > 1,
            top_logprobs=parameters.top_n_tokens,
            stream=stream,
            score_prompt=parameters.decoder_input_details and parameters.details,
        )

    def generated_text(self, generation: Generation) -> GeneratedText:
        best, *others = sorted(generation.choices, key=lambda choice: -choice.mean_logprob)
        if not self.parameters.details:
            return GeneratedText(generated_text=self.text(best))
        prefill = [
            Token(id=score.id, text=score.text, logprob=score.logprob if index else None, special=False)
            for index, score in enumerate(generation.prompt_scores)
        ]
        optional: dict[str, Any] = {}
        if self.parameters.top_n_tokens:
            optional["top_tokens"] = [self.top_tokens(score) for score in best.tokens]
        if others:
            optional["best_of_sequences"] = [
                schemas.Sequence(generated_text=self.text(other), **self._details(other)) for other in others
            ]
        details = Details(**self._details(best), prefill=prefill, **optional)
        return GeneratedText(generated_text=self.text(best), details=details)

    def text(self, choice: Choice) -> str:
        return self.prompt + choice.text if self.parameters.return_full_text else choice.text

    def token(self, score: TokenScore) -> Token:
        return Token(id=score.id, text=score.text, logprob=score.logprob, special=score.id == self._end_id)

    def top_tokens(self, score: TokenScore) -> list[Token]:
        return [self.token(other) for other in score.top]

    def _details(self, choice: Choice) -> dict[str, Any]:
        return {
            "finish_reason": FINISH_REASONS[choice.finish_reason],
            "generated_tokens": len(choice.tokens),
            "seed": self.job.seed,
            "tokens": [self.token(score) for score in choice.tokens],
        }


class GenerationFormatter:
    """An event for each token; that of the last token also has the whole text.

    Hence each token is held until the next event shows whether it was the last.
    """

    def __init__(self, builder: GenerationBuilder, path: str) -> None:
        self._builder, self._path = builder, path
        self._held: TokenEvent | None = None
        self._number = 0

    def begin(self, _: int) -> bytes:
        return b""

    def piece(self, _: int, piece: TokenEvent) -> bytes:
        event = self._flush()
        self._held = piece
        return event

    def result(self, _: int, result: Generation) -> bytes:
        (choice,) = result.choices
        details = StreamDetails(
            finish_reason=FINISH_REASONS[choice.finish_reason],
            generated_tokens=result.generated_tokens,
            input_length=result.prompt_tokens,
            seed=self._builder.job.seed,
        )
        return self._flush(self._builder.text(choice), details)

    def error(self, error: BaseException) -> bytes:
        return self._flush() + f"data: {json.dumps(stream_error(self._path, error), allow_nan=False)}\n\n".encode()

    def end(self) -> bytes:
        return b""

    def _flush(self, text: str | None = None, details: StreamDetails | None = None) -> bytes:
        """The event of the token that is held, if any; text and details are those of the whole text."""
        piece, self._held = self._held, None
        if piece is None:
            return b""
        assert piece.score is not None
        self._number += 1
        token = self._builder.token(piece.score).model_copy(update={"text": piece.text})
        optional = {}
        if self._builder.parameters.top_n_tokens:
            optional["top_tokens"] = self._builder.top_tokens(piece.score)
        event = StreamedToken(index=self._number, token=token, generated_text=text, details=details, **optional)
        return f"data:{event.model_dump_json(exclude_unset=True)}\n\n".encode()
