"""The table of routes, and how it becomes FastAPI's routes, with the limits of the settings in their schemas."""

import functools
import inspect as inspection
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response, params
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles

from app.http.clients import admit
from app.http.compat import huggingface, libretranslate, openai
from app.http.compat.bodies import describe_body, form_or_json
from app.http.contract import PROBLEMS, STREAMED, Route, RouteGroup, family_errors
from app.http.counting import check_values
from app.http.routes import classify, generate, health, inspect, models, next_word_probs, pages, translate, vectorize
from app.http.schemas.classify import ClassifyReply
from app.http.schemas.generate import GenerateReply
from app.http.schemas.huggingface import InferenceError
from app.http.schemas.inspect import InspectReply
from app.http.schemas.libretranslate import DetectedLanguage, Language, LibreTranslateError, TranslateAnswer
from app.http.schemas.limits import LIMITS, limited
from app.http.schemas.models import Health, ModelDetail, ModelsReply, TokenizeReply
from app.http.schemas.next_word_probs import NextWordReply
from app.http.schemas.openai import Completion, Model, ModelList, OpenAIError
from app.http.schemas.translate import TranslateReply
from app.http.schemas.vectorize import VectorizeReply
from app.settings import Settings

TEXT_PLAIN = {"content": {"text/plain": {"schema": {"type": "string"}}}}
ROUTES = (
    RouteGroup("text", errors=PROBLEMS, routes=(
        Route("/generate", generate.generate, "Continue a prompt", GenerateReply, streams=True),
        Route("/next-word-probs", next_word_probs.next_word_probs, "What comes next, and how likely it is",
              NextWordReply),
        Route("/classify", classify.classify, "Classify a text, with an explanation", ClassifyReply),
        Route("/translate", translate.translate, "Translate a text, or several", TranslateReply, streams=True),
        Route("/inspect", inspect.inspect, "Gates and cells of an LSTM over a text", InspectReply, omit=""),
    )),
    RouteGroup("models", errors=PROBLEMS, routes=(
        Route("/vectorize", vectorize.vectorize, "Texts as vectors: vocabulary, indices, one-hot, bag of words",
              VectorizeReply, omit="none"),
    )),
    RouteGroup("models", errors={status: PROBLEMS[status] for status in (400, 401, 404, 413, 415, 422, 429)}, routes=(
        Route("/models", models.list_models, "All models", ModelsReply, "GET"),
        Route("/models/{name}", models.show_model, "One model, with its card", ModelDetail, "GET"),
        Route("/tokenize", models.tokenize, "Tokenize a text", TokenizeReply, omit=""),
    )),
    RouteGroup("OpenAI", prefix="/v1", errors=family_errors("/v1/", OpenAIError, never=(409,)), routes=(
        Route("/completions", openai.completions, "Continue prompts", Completion, streams=True),
        Route("/models", openai.models, "All language models", ModelList, "GET", omit=""),
        Route("/models/{model}", openai.model_, "One of them", Model, "GET", omit=""),
    )),
    RouteGroup("Hugging Face", prefix="/hf", errors=family_errors("/hf/", InferenceError, never=(409,)), routes=(
        Route("/{model}", huggingface.infer, "Generate, classify or translate, by the model's task", huggingface.Answer,
              streams=True),
    )),
    RouteGroup("LibreTranslate", prefix="/libretranslate", needs_key=False,  # its key is a field of the body
               errors=family_errors("/libretranslate/", LibreTranslateError, never=(409, 415)), routes=(
        Route("/translate", libretranslate.translate_, "Translate", TranslateAnswer, takes_forms=True),
        Route("/detect", libretranslate.detect_, "Detect a text's language", list[DetectedLanguage], omit="",
              takes_forms=True),
        Route("/languages", libretranslate.languages, "All languages", list[Language], "GET", omit=""),
    )),
    RouteGroup("health", needs_key=False, errors={503: PROBLEMS[503]}, routes=(
        Route("/livez", health.livez, "Liveness", Health, "GET"),
        Route("/readyz", health.readyz, "Readiness", Health, "GET"),
        Route("/metrics", health.show_metrics, "Metrics for Prometheus", None, "GET", options={
            "response_class": PlainTextResponse,
            "responses": {200: TEXT_PLAIN, 401: PROBLEMS[401], 429: PROBLEMS[429]},
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
    """A route whose JSON is counted before it is parsed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_counted(request: Request) -> Response:
            return await handle(_CountedRequest(request.scope, request.receive))

        return handle_counted


class KeyedRoute(CountingRoute):
    """One that admits the client before it reads the body: FastAPI alone resolves the dependencies after it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def admitted(request: Request) -> Response:
            await admit(request)
            return await handler(request)

        return admitted


def add_routes(app: FastAPI, settings: Settings, key: Sequence[params.Depends]) -> None:
    """Add all routes. key are the dependencies of those that need an API key in the header."""
    for group in ROUTES:
        route_class = KeyedRoute if group.needs_key else CountingRoute
        router = APIRouter(prefix=group.prefix, tags=[group.tag], responses=dict(group.errors), route_class=route_class)
        for route in group.routes:
            router.add_api_route(route.path, _limited(route, settings), **_options(route, settings))
        app.include_router(router, dependencies=key if group.needs_key else [])
    app.add_api_route("/", pages.home, response_class=FileResponse, include_in_schema=False)
    app.add_api_route("/docs", pages.docs, response_class=HTMLResponse, include_in_schema=False)
    app.mount("/playground", pages.PlaygroundFiles(), name="playground")
    app.mount("/static", StaticFiles(directory=pages.STATIC), name="static")


def _options(route: Route, settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {"methods": [route.method], "summary": route.summary, "response_model": route.reply}
    if route.omit:
        options[f"response_model_exclude_{route.omit}"] = True
    if route.streams:
        options["responses"] = {200: STREAMED}
    if route.takes_forms:
        options["openapi_extra"] = describe_body(limited(_schema(route), settings))
    return options | dict(route.options)


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
    annotation = form_or_json(body) if route.takes_forms else body
    signature = inspection.signature(route.endpoint)
    parameters = [
        parameter.replace(annotation=annotation) if name == "body" else parameter
        for name, parameter in signature.parameters.items()
    ]
    endpoint.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return endpoint
