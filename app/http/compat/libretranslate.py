"""POST /libretranslate/translate and /detect, GET /languages, /health and /frontend/settings: LibreTranslate's API."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastapi import Request

from app.catalog.detection import Detected, detect, identify, text_fields
from app.catalog.registry import ChosenDirection
from app.engine.interface import EngineInterface
from app.engine.jobs import TranslateJob, Translation
from app.errors import EngineStopped, NoModel
from app.http.clients import LEASE, admit
from app.http.dependencies import EngineDep, SettingsDep
from app.http.operations.translation import texts_to_detect, translation_batches
from app.http.replies import prepared
from app.http.schemas.base import as_list, is_blank
from app.http.schemas.libretranslate import (
    DefaultLanguages,
    DetectedLanguage,
    DetectForm,
    FrontendSettings,
    Language,
    NamedLanguage,
    Status,
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
    """Translate a text or several. One that is in the target language already, or empty, is returned unchanged."""
    client = await admit(request, body.api_key)
    texts = as_list(body.q)
    directions = await prepared(sum(map(len, texts)), _directions, engine, body)
    batches = translation_batches(texts, directions)
    jobs = batches.jobs(lambda texts, key: (_job(body, texts, unchanged=key[2]), key[0]))
    translations = batches.in_order(await client.results(await client.submit_all(engine, jobs)))
    return _answer(body, translations, [_with_percent(direction.source) for direction in directions])


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


async def health(engine: EngineDep) -> Status:
    """Whether the service takes work."""
    if not engine.takes_work:
        raise EngineStopped("the service is shutting down")
    return Status(status="ok")


async def frontend_settings(request: Request, engine: EngineDep, settings: SettingsDep) -> FrontendSettings:
    """What clients ask before they translate: limits, and whether a key is needed."""
    needs_key = request.scope[LEASE].guard.closed
    target = next(iter(sorted(_targets(engine))), "")
    return FrontendSettings(
        apiKeys=needs_key,
        keyRequired=needs_key,
        charLimit=settings.max_source_characters,
        language=DefaultLanguages(
            source=NamedLanguage(code=AUTO, name="Auto Detect"),
            target=NamedLanguage(code=target, name=NAMES.get(target, target)),
        ),
    )


def _targets(engine: EngineInterface) -> dict[str, set[str]]:
    """For each language, those into which it can be translated."""
    targets: dict[str, set[str]] = {}
    for source, target in engine.registry.directions():
        targets.setdefault(source, set()).add(target)
        targets.setdefault(target, set())
    return targets


def _directions(engine: EngineInterface, body: TranslateForm) -> list[ChosenDirection]:
    """The model and the languages of each text. Raises NoModel for an unknown language in the body, or of a text."""
    targets_of = _targets(engine)
    for field, name in (("source", body.source), ("target", body.target)):
        if name not in targets_of and (field, name) != ("source", AUTO):
            raise NoModel(f"not a language of this service; there are {', '.join(sorted(targets_of))}", field)
    sources = sorted({source for source, targets in targets_of.items() if body.target in targets} | {body.target})
    languages = [
        Detected(body.target, 0.0)
        if is_blank(text)
        else detect(text, sources, field)
        if body.source == AUTO
        else Detected(body.source, 1.0)
        for field, text in text_fields(texts_to_detect(body.q, body.format))
    ]
    chosen = [engine.registry.for_translation(None, "", one.language, body.target) for one in languages]
    return [replace(direction, source=one) for (direction,), one in zip(chosen, languages, strict=True)]


def _job(body: TranslateForm, texts: tuple[str, ...], unchanged: bool) -> TranslateJob:
    return TranslateJob(
        texts, body.target, DEFAULT_BEAM_SIZE, 1.0, body.alternatives, format=body.format, unchanged=unchanged
    )


def _answer(
    body: TranslateForm, translations: Sequence[Translation], detected: list[DetectedLanguage]
) -> TranslateAnswer:
    """Lists where the request has a list of texts."""
    single = isinstance(body.q, str)
    texts = [translation.text for translation in translations]
    alternatives = [list(translation.alternatives) for translation in translations]
    fields: dict[str, Any] = {"translatedText": texts[0] if single else texts}
    if body.source == AUTO:
        fields["detectedLanguage"] = detected[0] if single else detected
    if body.alternatives:
        fields["alternatives"] = alternatives[0] if single else alternatives
    return TranslateAnswer(**fields)


def _with_percent(detected: Detected) -> DetectedLanguage:
    return DetectedLanguage(confidence=round(100 * detected.confidence, 1), language=detected.language)
