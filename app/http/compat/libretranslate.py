"""POST /libretranslate/translate and /detect, GET /languages, for clients of LibreTranslate."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request

from app.catalog.detection import Detected, detect, identify
from app.catalog.registry import Served
from app.engine.engine import Engine
from app.engine.jobs import TranslateJob, Translation
from app.errors import NoModel
from app.http.clients import Client, HttpClient
from app.http.dependencies import EngineDep
from app.http.schemas.base import as_list
from app.http.schemas.libretranslate import (
    DetectedLanguage,
    DetectForm,
    Language,
    TranslateAnswer,
    TranslateForm,
)  # fmt: skip
from models.decoding.beam_search import DEFAULT_BEAM_SIZE

AUTO = "auto"
NAMES = {
    "ar": "Arabic", "az": "Azerbaijani", "bg": "Bulgarian", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "fa": "Persian", "fr": "French", "he": "Hebrew", "hi": "Hindi", "it": "Italian", "ja": "Japanese",
    "ko": "Korean", "ku": "Kurdish", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sv": "Swedish", "tr": "Turkish", "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip


async def translate_(body: TranslateForm, request: Request, engine: EngineDep) -> TranslateAnswer:
    """Translate a text or several. A text that is in the target language already comes back as it is."""
    client = HttpClient(request, body.api_key)
    texts = as_list(body.q)
    found = _languages_of(engine, body, texts)
    places = [place for place, one in enumerate(found) if one.language != body.target]
    made = await _translated(engine, client, body, [texts[place] for place in places], found)
    answers: list[tuple[str, list[str]]] = [(text, []) for text in texts]
    for place, translation in zip(places, made, strict=True):
        answers[place] = translation.text, list(translation.alternatives)
    return _answer(body, answers, [_detected(one) for one in found])


async def detect_(body: DetectForm, request: Request, engine: EngineDep) -> list[DetectedLanguage]:
    """Which of the languages of the translators a text is in, or which other one it surely is in."""
    HttpClient(request, body.api_key)
    among = sorted(_targets(engine))
    if not among:
        raise NoModel("no translator is loaded")
    return [_detected(identify(body.q, among))]


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


def _languages_of(engine: Engine, body: TranslateForm, texts: Sequence[str]) -> list[Detected]:
    """The language of each text. Raises NoModel where one that is named is none of ours."""
    known = _targets(engine)
    for field, name in (("source", body.source), ("target", body.target)):
        if name not in known and (field, name) != ("source", AUTO):
            raise NoModel(f"not a language of this service; there are {', '.join(sorted(known))}", field)
    if body.source != AUTO:
        return [Detected(body.source, 1.0) for _ in texts]
    among = sorted({source for source, targets in known.items() if body.target in targets} | {body.target})
    return [detect(text, among) for text in texts]


async def _translated(
    engine: Engine, client: Client, body: TranslateForm, texts: Sequence[str], found: Sequence[Detected]
) -> Sequence[Translation]:
    if not texts:
        return []
    sources = [one.language for one in found if one.language != body.target]
    places: dict[Served, list[int]] = {}  # of the texts of each model
    for place, source in enumerate(sources):
        served, _, _ = engine.registry.for_translation(None, [texts[place]], source, body.target)
        places.setdefault(served, []).append(place)
    jobs = [
        (
            TranslateJob(tuple(texts[place] for place in own), body.target, DEFAULT_BEAM_SIZE, 1.0, body.alternatives),
            served,
        )
        for served, own in places.items()
    ]
    results = await client.results(await client.submit_all(engine, jobs))
    made = {
        place: one
        for own, result in zip(places.values(), results, strict=True)
        for place, one in zip(own, result, strict=True)
    }
    return [made[place] for place in range(len(texts))]


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
