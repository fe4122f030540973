"""POST /libretranslate/translate and /detect, GET /languages, for clients of LibreTranslate."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request

from app.dependencies import Client, EngineDep, SettingsDep
from app.engine.detection import Detected, detect
from app.engine.engine import Engine
from app.engine.jobs import TranslateJob, Translation
from app.errors import InvalidRequest
from app.routes.bodies import accepts, read_body
from app.schemas.base import as_list
from app.schemas.libretranslate import (
    DetectedLanguage,
    DetectForm,
    Language,
    LibreTranslateError,
    TranslateAnswer,
    TranslateForm,
)  # fmt: skip
from app.settings import Settings

AUTO = "auto"
BEAM_SIZE = 5
FORMS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
NAMES = {
    "ar": "Arabic", "az": "Azerbaijani", "bg": "Bulgarian", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "fa": "Persian", "fr": "French", "he": "Hebrew", "hi": "Hindi", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "ku": "Kurdish", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sv": "Swedish", "tr": "Turkish", "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": LibreTranslateError, "description": description}
    for status, description in {
        400: "Something in the request is wrong.",
        403: "An API key is needed.",
        429: "Too many requests.",
        503: "The service is shutting down.",
    }.items()
}


def router() -> APIRouter:
    routes = APIRouter(prefix="/libretranslate", tags=["LibreTranslate"], responses=ERRORS)
    routes.add_api_route(
        "/translate",
        translate,
        methods=["POST"],
        summary="Translate",
        response_model=TranslateAnswer,
        response_model_exclude_unset=True,
        openapi_extra=accepts(TranslateForm, *FORMS),
    )
    routes.add_api_route(
        "/detect",
        detect_,
        methods=["POST"],
        summary="Find out a text's language",
        response_model=list[DetectedLanguage],
        openapi_extra=accepts(DetectForm, *FORMS),
    )
    routes.add_api_route(
        "/languages", languages, methods=["GET"], summary="Which languages there are", response_model=list[Language]
    )
    return routes


async def translate(request: Request, engine: EngineDep, settings: SettingsDep) -> TranslateAnswer:
    """Translate a text or several. A text that is in the target language already comes back as it is."""
    body = await read_body(request, TranslateForm)
    client = Client(request, body.api_key)
    texts = as_list(body.q)
    _check(texts, settings)
    found = _languages_of(engine, body, texts)
    places = [place for place, one in enumerate(found) if one.language != body.target]
    made = await _translated(engine, client, body, [texts[place] for place in places], found)
    answers: list[tuple[str, list[str]]] = [(text, []) for text in texts]
    for place, translation in zip(places, made, strict=True):
        answers[place] = translation.text, list(translation.alternatives)
    return _answer(body, answers, [_detected(one) for one in found])


async def detect_(request: Request, engine: EngineDep, settings: SettingsDep) -> list[DetectedLanguage]:
    """Which of the languages of the translators a text is in."""
    body = await read_body(request, DetectForm)
    Client(request, body.api_key)
    _check([body.q], settings)
    return [_detected(detect(body.q, sorted(_targets(engine)), "/q"))]


async def languages(engine: EngineDep) -> list[Language]:
    """The languages that can be translated, and into which."""
    return [
        Language(code=code, name=NAMES.get(code, code), targets=sorted({code, *targets}))
        for code, targets in sorted(_targets(engine).items())
    ]


def _targets(engine: Engine) -> dict[str, set[str]]:
    """What each language can be translated to."""
    found: dict[str, set[str]] = {}
    for source, target in engine.registry.directions():
        found.setdefault(source, set()).add(target)
        found.setdefault(target, set())
    return found


def _check(texts: Sequence[str], settings: Settings) -> None:
    for given, limit in ((len(texts), settings.max_texts), (max(map(len, texts)), settings.max_source_characters)):
        if given > limit:
            raise InvalidRequest(f"at most {limit}; given: {given}", "/q")


def _languages_of(engine: Engine, body: TranslateForm, texts: Sequence[str]) -> list[Detected]:
    """The language of each text. Raises InvalidRequest where one that is named is none of ours."""
    known = _targets(engine)
    for pointer, name in (("/source", body.source), ("/target", body.target)):
        if name not in known and (pointer, name) != ("/source", AUTO):
            raise InvalidRequest(f"not a language of this service; there are {', '.join(sorted(known))}", pointer)
    if body.source != AUTO:
        return [Detected(body.source, 1.0) for _ in texts]
    among = sorted({source for source, targets in known.items() if body.target in targets} | {body.target})
    return [detect(text, among, "/q") for text in texts]


async def _translated(
    engine: Engine, client: Client, body: TranslateForm, texts: Sequence[str], found: Sequence[Detected]
) -> Sequence[Translation]:
    if not texts:
        return []
    source = next(one.language for one in found if one.language != body.target)
    model, _ = engine.registry.for_translation(None, texts, source, body.target)
    job = TranslateJob(model.name, tuple(texts), body.target, BEAM_SIZE, 1.0, alternatives=body.alternatives)
    made: Sequence[Translation] = await client.result(await client.submit(engine, job))
    return made


def _answer(
    body: TranslateForm, answers: Sequence[tuple[str, list[str]]], found: list[DetectedLanguage]
) -> TranslateAnswer:
    one = isinstance(body.q, str)
    texts, others = [text for text, _ in answers], [other for _, other in answers]
    made: dict[str, Any] = {"translatedText": texts[0] if one else texts}
    if body.source == AUTO:
        made["detectedLanguage"] = found[0] if one else found
    if body.alternatives:
        made["alternatives"] = others[0] if one else others
    return TranslateAnswer(**made)


def _detected(one: Detected) -> DetectedLanguage:
    return DetectedLanguage(confidence=round(100 * one.confidence, 1), language=one.language)
