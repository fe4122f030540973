"""The table of routes, and how it becomes FastAPI's routes, with the limits of the settings in their schemas."""

import functools
import inspect as inspection
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response, params
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Match
from starlette.types import Scope

from app.http.clients import admit
from app.http.compat import (
    huggingface,
    huggingface_files,
    libretranslate,
    open_inference,
    openai,
    openai_audio,
    openai_images,
)
from app.http.compat.bodies import body_schemas, describe_body, form_or_json
from app.http.compat.pictures import describe_picture, picture
from app.http.compat.tensors import describe_tensors, tensors
from app.http.contract import STREAMED, Route, RouteGroup
from app.http.counting import check_values
from app.http.direct import DirectEndpoint
from app.http.document import Api, json_schemas
from app.http.routes import (
    classify,
    describe,
    draw,
    generate,
    health,
    inspect,
    models,
    next_word_probs,
    pages,
    speak,
    summarize,
    train,
    transcribe,
    translate,
    vectorize,
)
from app.http.schemas.classify import ClassifyReply
from app.http.schemas.describe import DescribeReply
from app.http.schemas.draw import DrawReply
from app.http.schemas.generate import GenerateReply
from app.http.schemas.huggingface import GeneratedText, InferenceError, SpokenText
from app.http.schemas.inspect import InspectReply
from app.http.schemas.libretranslate import (
    DetectedLanguage,
    FrontendSettings,
    Language,
    LibreTranslateError,
    Status,
    TranslateAnswer,
)
from app.http.schemas.limits import LIMITS, limited
from app.http.schemas.models import (
    DetokenizeReply,
    Health,
    ModelDetail,
    ModelsReply,
    PromptTokens,
    TokenizeReply,
    TokenizerInfo,
)
from app.http.schemas.next_word_probs import NextWordReply
from app.http.schemas.open_inference import (
    InferError,
    InferReply,
    ModelReady,
    ServedModel,
    Server,
    ServerLive,
    ServerReady,
)  # fmt: skip
from app.http.schemas.openai import Completion, ImagesReply, Model, ModelList, OpenAIError
from app.http.schemas.openai_audio import AudioTranscription
from app.http.schemas.summarize import SummarizeReply
from app.http.schemas.train import TrainReply
from app.http.schemas.transcribe import TranscribeReply
from app.http.schemas.translate import TranslateReply
from app.http.schemas.vectorize import VectorizeReply
from app.http.uploads import Uploads
from app.settings import Settings

TEXT_PLAIN = {"content": {"text/plain": {"schema": {"type": "string"}}}}
TAGS = {
    "text": "Generate, predict, classify, translate, summarize, speak and inspect texts; transcribe recordings.",
    "images": "Draw images.",
    "lessons": "Train on a text of one's own, where settings allow it.",
    "models": "The models, and what they read a text as.",
    "OpenAI": "Completions, images and sound as in OpenAI's API.",
    "Hugging Face": "One address for each model, as in Hugging Face's inference API.",
    "LibreTranslate": "Translation as in LibreTranslate's API.",
    "Open Inference Protocol": "The protocol of KServe and Triton, version 2, with texts as tensors.",
    "health": "For monitoring.",
}
AUDIO, AUDIO_FORM = Uploads("audio/"), Uploads("audio/", only_forms=True)
BINARY = {"schema": {"type": "string", "format": "binary"}}
STREAMED_OR_FILE = {
    "description": STREAMED["description"] + " An image is a PNG, speech a WAV file.",
    "content": {**STREAMED["content"], "image/png": BINARY, "audio/wav": BINARY},
}
WAV = {"response_class": Response, "responses": {200: {"content": {"audio/wav": BINARY}}}}
SOUND_TYPES = ("audio/mpeg", "audio/ogg", "audio/flac", "audio/wav", "audio/pcm")
SOUND = {"response_class": Response, "responses": {200: {"content": dict.fromkeys(SOUND_TYPES, BINARY)}}}
HIDDEN = {"include_in_schema": False}
WITHOUT_JOB = frozenset({400, 401, 404, 413, 415, 422, 429})
"""The errors of routes that need no model's runtime."""
NOT_SERVED = {"chat/completions": openai.no_chat, "responses": openai.no_chat, "embeddings": openai.no_embeddings}
"""Routes of other services that are not served here: the 404 names what there is instead."""
LESSON_ERRORS = (400, 401, 403, 409, 413, 415, 422, 429, 503, 504)
ROUTES = (
    RouteGroup("text", routes=(
        Route("/generate", generate.generate, "Continue a prompt", GenerateReply, streams=True),
        Route("/next-word-probs", next_word_probs.next_word_probs, "What comes next, and how likely it is",
              NextWordReply),
        Route("/classify", classify.classify, "Classify a text, with an explanation", ClassifyReply),
        Route("/translate", translate.translate, "Translate a text, or several", TranslateReply, streams=True),
        Route("/describe", describe.describe, "What a picture of digits shows, in words", DescribeReply,
              takes_pictures=True),
        Route("/transcribe", transcribe.transcribe, "Write down the words of a recording", TranscribeReply,
              uploads=AUDIO),
        Route("/speak", speak.speak, "Speak the words of a text", None, options=WAV),
        Route("/summarize", summarize.summarize, "Summarize a text, or several", SummarizeReply),
        Route("/inspect", inspect.inspect, "Gates and states of a recurrent layer over a text", InspectReply),
    )),
    RouteGroup("images", routes=(
        Route("/draw", draw.draw, "Draw images of what a prompt names", DrawReply, streams=True),
    )),
    RouteGroup("lessons", routes=(
        Route("/train", train.train, "Train an RNN and an LSTM on a text", TrainReply, errors=LESSON_ERRORS),
    )),
    RouteGroup("models", never=(409, 503, 504), routes=(
        Route("/vectorize", vectorize.vectorize, "Texts as vectors: vocabulary, indices, one-hot, bag of words",
              VectorizeReply, omit="none"),
        Route("/models", models.list_models, "All models", ModelsReply, "GET"),
        Route("/models/{name}", models.show_model, "One model, with its card", ModelDetail, "GET"),
        Route("/tokenize", models.tokenize, "Tokenize a text", TokenizeReply | PromptTokens),
        Route("/detokenize", models.detokenize, "The text of ids", DetokenizeReply, omit=""),
        Route("/tokenizer_info", models.tokenizer_info, "A tokenizer's end token and size", TokenizerInfo,
              "GET", omit="", errors=(401, 404, 429)),
    )),
    RouteGroup("OpenAI", prefix="/v1", name="openai_", error=OpenAIError, never=(409,), routes=(
        Route("/completions", openai.completions, "Continue prompts", Completion, streams=True),
        Route("/audio/transcriptions", openai_audio.transcriptions, "Write down the words of a recording",
              AudioTranscription, uploads=AUDIO_FORM),
        Route("/audio/speech", openai_audio.speech, "Speak the words of a text", None, options=SOUND),
        Route("/images/generations", openai_images.images, "Draw images of what a prompt names", ImagesReply),
        *(Route(f"/{path}", endpoint, "Not served", None, options=HIDDEN) for path, endpoint in NOT_SERVED.items()),
        Route("/models", openai.models, "All language models", ModelList, "GET", omit=""),
        Route("/models/{model}", openai.model_, "One of them", Model, "GET", omit=""),
    )),
    RouteGroup("Hugging Face", prefix="/hf", name="huggingface_", error=InferenceError, never=(409,), routes=(
        Route("/{model}", huggingface_files.infer_file, "Write down a recording, or describe a picture",
              SpokenText | list[GeneratedText], only_types=huggingface_files.FILE_TYPES, options=HIDDEN),
        Route("/{model}", huggingface.infer, "Generate, classify, translate, summarize, draw or speak, by the model",
              huggingface.Answer, streams=True, options={"responses": {200: STREAMED_OR_FILE}}),
        Route("/{model}/v1/completions", huggingface.completions, "Continue prompts", Completion, streams=True),
        *(Route(f"/{{model}}/v1/{path}", endpoint, "Not served", None, options=HIDDEN)
          for path, endpoint in NOT_SERVED.items()),
        Route("/{model}/tokenize", huggingface.tokenize, "Tokenize a text", TokenizeReply | PromptTokens,
              errors=WITHOUT_JOB),
        Route("/{model}/detokenize", huggingface.detokenize, "The text of ids", DetokenizeReply, omit="",
              errors=WITHOUT_JOB),
        Route("/{model}/tokenizer_info", huggingface.tokenizer_info, "The tokenizer's end token and size",
              TokenizerInfo, "GET", omit=""),
    )),
    RouteGroup("LibreTranslate", prefix="/libretranslate", name="libretranslate_", error=LibreTranslateError,
               never=(409, 415), needs_key=False,  # its key is a field of the body
               routes=(
        Route("/translate", libretranslate.translate_, "Translate", TranslateAnswer, takes_forms=True),
        Route("/detect", libretranslate.detect_, "Detect a text's language", list[DetectedLanguage], omit="",
              takes_forms=True, errors=WITHOUT_JOB - {415}),
        Route("/languages", libretranslate.languages, "All languages", list[Language], "GET", omit="", is_open=True),
        Route("/health", libretranslate.health, "Whether the service takes work", Status, "GET", omit="", is_open=True,
              errors=(431, 503)),
        Route("/frontend/settings", libretranslate.frontend_settings, "Limits", FrontendSettings, "GET", omit="",
              is_open=True),
    )),
    RouteGroup("Open Inference Protocol", prefix="/v2", name="v2_", error=InferError, never=(409,), routes=(
        Route("", open_inference.server, "The server", Server, "GET"),
        Route("/models/{model}", open_inference.model, "A model's tensors", ServedModel, "GET", omit="none"),
        Route("/models/{model}/ready", open_inference.model_ready, "A model's readiness", ModelReady, "GET", omit="",
              errors=(401, 404, 429, 503)),
        Route("/models/{model}/infer", open_inference.infer,
              "Generate, classify, translate or summarize, by the model's task", InferReply, takes_tensors=True),
    )),
    RouteGroup("Open Inference Protocol", prefix="/v2", name="v2_", error=InferError, needs_key=False, routes=(
        Route("/health/live", open_inference.live, "Liveness", ServerLive, "GET", omit="", is_open=True,
              errors=(431, 503)),
        Route("/health/ready", open_inference.ready, "Readiness", ServerReady, "GET", omit="", is_open=True,
              errors=(431, 503)),
    )),
    RouteGroup("health", needs_key=False, routes=(
        Route("/livez", health.livez, "Liveness", Health, "GET", is_open=True, errors=(431, 503)),
        Route("/readyz", health.readyz, "Readiness", Health, "GET", is_open=True, errors=(431, 503)),
    )),
    RouteGroup("health", routes=(
        Route("/metrics", health.show_metrics, "Metrics for Prometheus", None, "GET", options={
            "response_class": PlainTextResponse, "responses": {200: TEXT_PLAIN},
        }),
    )),
)  # fmt: skip


class _CountedRequest(Request):
    """A request whose JSON has no more values than settings allow."""

    async def json(self) -> Any:
        settings: Settings = self.app.state.settings
        check_values(await self.body(), settings.max_body_values, settings.max_body_strings)
        return await super().json()


class CountingRoute(APIRoute):
    """A route whose JSON is counted before it is parsed; one that takes a body has the short way."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        omit = self.response_model_exclude_unset, self.response_model_exclude_none
        takes_body = "POST" in (self.methods or ())
        direct = DirectEndpoint(self.endpoint, self.response_model, *omit) if takes_body else None

        async def handle_directly(request: Request) -> Response:
            counted = _CountedRequest(request.scope, request.receive)
            await self.admit(counted)
            if direct is None or (arguments := await direct.arguments(counted)) is None:
                return await handle(counted)
            return await direct.respond(arguments)

        return handle_directly

    async def admit(self, request: Request) -> None:
        """Nothing is checked before the body is read."""


class KeyedRoute(CountingRoute):
    """One that admits the client before it reads the body: FastAPI alone resolves the dependencies after it."""

    async def admit(self, request: Request) -> None:
        await admit(request)


def _only_for(types: tuple[str, ...]) -> type[APIRoute]:
    """A route for bodies of media types that begin so, or of none; the next one of its address gets the others."""

    class TypedRoute(KeyedRoute):
        def matches(self, scope: Scope) -> tuple[Match, Scope]:
            media_type = Headers(scope=scope).get("content-type", "").lower()
            return super().matches(scope) if media_type.startswith(types) or not media_type else (Match.NONE, {})

    return TypedRoute


def add_routes(app: Api, settings: Settings, key: Sequence[params.Depends]) -> None:
    """Add all routes. key are the dependencies of those that need an API key in the header."""
    app.openapi_tags = [{"name": name, "description": description} for name, description in TAGS.items()]
    for error in {group.error for group in ROUTES}:
        app.add_schemas(json_schemas(error))
    app.state.addresses = _addresses()
    for group in ROUTES:
        for route in group.routes:
            if reader := _reader(route):
                app.add_schemas(reader.components(limited(_schema(route), settings)))
            if route.options.get("include_in_schema", True):
                app.add_error_examples(group.prefix + route.path, route.method, group.error_examples(route))
            # not to a router of the group's: FastAPI looks for the route of a request twice in one
            app.router.add_api_route(
                group.prefix + route.path,
                _limited(route, settings),
                route_class_override=_class_of(group, route),
                dependencies=key if group.needs_key else [],
                **_options(group, route, settings),
            )
    app.add_api_route("/", pages.home, response_class=FileResponse, include_in_schema=False)
    app.add_api_route("/docs", pages.docs, response_class=FileResponse, include_in_schema=False)
    app.mount("/playground", GZipMiddleware(pages.PlaygroundFiles(), minimum_size=1000), name="playground")
    app.mount("/static", GZipMiddleware(StaticFiles(directory=pages.STATIC), minimum_size=1000), name="static")


def _addresses() -> dict[str, list[str]]:
    """The methods and paths of the document's routes, by the prefix of their group."""
    addresses: dict[str, list[str]] = {}
    for group in ROUTES:
        shown = [route for route in group.routes if route.options.get("include_in_schema", True)]
        addresses.setdefault(group.prefix, []).extend(f"{route.method} {group.prefix}{route.path}" for route in shown)
    return addresses


def _class_of(group: RouteGroup, route: Route) -> type[APIRoute]:
    if route.only_types:
        return _only_for(route.only_types)
    return KeyedRoute if group.needs_key else CountingRoute


def _options(group: RouteGroup, route: Route, settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "tags": [group.tag],
        "methods": [route.method],
        "operation_id": group.operation_id(route),
        "summary": route.summary,
        "response_model": route.reply,
    }
    if route.omit:
        options[f"response_model_exclude_{route.omit}"] = True
    if reader := _reader(route):
        options["openapi_extra"] = reader.describe(limited(_schema(route), settings))
    further = dict(route.options)
    streamed = {200: STREAMED} if route.streams else {}
    return options | further | {"responses": streamed | further.get("responses", {}) | group.responses(route)}


@dataclass(frozen=True)
class BodyReader:
    """A body that FastAPI does not read: the type of the endpoint's parameter, and what the document says of it."""

    annotate: Callable[[type[BaseModel]], Any]
    components: Callable[[type[BaseModel]], dict[str, Any]]
    describe: Callable[[type[BaseModel]], dict[str, Any]]


FORMS = BodyReader(form_or_json, body_schemas, describe_body)
TENSORS = BodyReader(tensors, json_schemas, describe_tensors)
PICTURES = BodyReader(picture, json_schemas, describe_picture)


def _reader(route: Route) -> BodyReader | None:
    if route.takes_pictures:
        return PICTURES
    if route.uploads:
        return BodyReader(route.uploads.annotate, route.uploads.components, route.uploads.describe)
    return FORMS if route.takes_forms else TENSORS if route.takes_tensors else None


def _schema(route: Route) -> Any:
    """The schema of a route's body: of its parameter `body`; None where it has none."""
    parameter = inspection.signature(route.endpoint).parameters.get("body")
    return parameter.annotation if parameter else None


def _limited(route: Route, settings: Settings) -> Callable[..., Any]:
    """A route's endpoint with limits in the type of its body: that is where FastAPI takes the schema from."""
    schema = _schema(route)
    if schema is None:
        return route.endpoint
    assert schema in LIMITS, f"{route.path}: a body without limits"

    @functools.wraps(route.endpoint)
    async def endpoint(*args: Any, **kwargs: Any) -> Any:
        return await route.endpoint(*args, **kwargs)

    body: Any = limited(schema, settings)
    reader = _reader(route)
    annotation = reader.annotate(body) if reader else body
    signature = inspection.signature(route.endpoint)
    parameters = [
        parameter.replace(annotation=annotation) if name == "body" else parameter
        for name, parameter in signature.parameters.items()
    ]
    endpoint.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return endpoint
