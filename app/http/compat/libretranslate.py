"""POST /libretranslate/translate and /detect, GET /languages, for clients of LibreTranslate."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request

from app.catalog.detection import Detected, detect, identify, text_fields
from app.engine.engine import Engine
from app.engine.jobs import TranslateJob, Translation
from app.errors import NoModel
from app.http.clients import Client, admit
from app.http.dependencies import EngineDep
from app.http.operations.translation import texts_to_detect, translation_batches
from app.http.replies import prepared
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
    """Translate a text or several. A text that is in the target language already is returned unchanged."""
    client = await admit(request, body.api_key)
    texts = as_list(body.q)
    characters = sum(map(len, texts))
    detected = await prepared(characters, _detect_sources, engine, body, texts)
    indices = [index for index, language in enumerate(detected) if language.language != body.target]
    sources = [(texts[index], detected[index].language) for index in indices]
    translations = await _translate(engine, client, body, sources)
    answers: list[tuple[str, list[str]]] = [(text, []) for text in texts]
    for index, translation in zip(indices, translations, strict=True):
        answers[index] = translation.text, list(translation.alternatives)
    return _answer(body, answers, [_with_percent(language) for language in detected])


async def detect_(body: DetectForm, request: Request, engine: EngineDep) -> list[DetectedLanguage]:
    """The language of a text: one of the translators' languages, or another one if it is certain."""
    await admit(request, body.api_key)
    candidates = sorted(_targets(engine))
    if not candidates:
        raise NoModel("no translator is loaded")
    return [_with_percent(identify(body.q, candidates))]


async def languages(engine: EngineDep) -> list[Language]:
    """All languages, with those into which they can be translated."""
    return [
        Language(code=code, name=NAMES.get(code, code), targets=sorted({code, *targets}))
        for code, targets in sorted(_targets(engine).items())
    ]


def _targets(engine: Engine) -> dict[str, set[str]]:
    """For each language, those into which it can be translated."""
    targets: dict[str, set[str]] = {}
    for source, target in engine.registry.directions():
        targets.setdefault(source, set()).add(target)
        targets.setdefault(target, set())
    return targets


def _detect_sources(engine: Engine, body: TranslateForm, texts: Sequence[str]) -> list[Detected]:
    """The language of each text. Raises NoModel for an unknown language in the body."""
    targets_of = _targets(engine)
    for field, name in (("source", body.source), ("target", body.target)):
        if name not in targets_of and (field, name) != ("source", AUTO):
            raise NoModel(f"not a language of this service; there are {', '.join(sorted(targets_of))}", field)
    if body.source != AUTO:
        return [Detected(body.source, 1.0) for _ in texts]
    sources = {source for source, targets in targets_of.items() if body.target in targets}
    fields = text_fields(texts_to_detect(body.q, body.format))
    return [detect(text, sorted(sources | {body.target}), field) for field, text in fields]


async def _translate(
    engine: Engine, client: Client, body: TranslateForm, sources: Sequence[tuple[str, str]]
) -> list[Translation]:
    """Translate texts, each with its language."""
    if not sources:
        return []
    chosen = [engine.registry.for_translation(None, text, language, body.target) for text, language in sources]
    batches = translation_batches([text for text, _ in sources], [direction for (direction,) in chosen])
    jobs = batches.jobs(lambda texts, key: (_job(body, texts), key[0]))
    return batches.in_order(await client.results(await client.submit_all(engine, jobs)))


def _job(body: TranslateForm, texts: tuple[str, ...]) -> TranslateJob:
    return TranslateJob(texts, body.target, DEFAULT_BEAM_SIZE, 1.0, body.alternatives, format=body.format)


def _answer(
    body: TranslateForm, answers: Sequence[tuple[str, list[str]]], detected: list[DetectedLanguage]
) -> TranslateAnswer:
    """Lists where the request has a list of texts."""
    single = isinstance(body.q, str)
    texts, alternatives = [text for text, _ in answers], [others for _, others in answers]
    fields: dict[str, Any] = {"translatedText": texts[0] if single else texts}
    if body.source == AUTO:
        fields["detectedLanguage"] = detected[0] if single else detected
    if body.alternatives:
        fields["alternatives"] = alternatives[0] if single else alternatives
    return TranslateAnswer(**fields)


def _with_percent(detected: Detected) -> DetectedLanguage:
    return DetectedLanguage(confidence=round(100 * detected.confidence, 1), language=detected.language)
