"""Translation."""

from collections.abc import Sequence
from typing import Any

from app.catalog.detection import Detected
from app.catalog.registry import Registry
from app.engine.jobs import TranslateJob, Translation
from app.http.event_ids import EventIds
from app.http.operations.operation import Operation
from app.http.schemas import translate as schemas
from app.http.schemas.base import as_list
from app.http.schemas.translate import TranslateReply, TranslateRequest, TranslateResult
from models.text.html import visible_text


def translate(
    body: TranslateRequest, registry: Registry, last_event_id: str | None = None
) -> Operation[TranslateReply]:
    """Raises Conflict, InvalidRequest, ModelNotFound or NoModel."""
    texts = as_list(body.text)
    written = [visible_text(text) for text in texts] if body.format == "html" else texts
    served, target, detected = registry.for_translation(body.model, written, body.source, body.target)
    job = TranslateJob(
        texts=tuple(texts),
        target=target,
        beam_size=body.beam_size,
        length_penalty=body.length_penalty,
        alternatives=body.alternatives,
        attention=body.attention,
        stream=body.stream,
        format=body.format,
    )

    def reply(translations: Sequence[Translation]) -> TranslateReply:
        pairs = zip(detected, translations, strict=True)
        results = [_result(body, language, translation) for language, translation in pairs]
        return TranslateReply(model=served.name, source=body.source, target=target, results=results)

    return Operation(job, served, reply, EventIds.after(last_event_id if body.stream else None, served, 0, 0))


def _result(body: TranslateRequest, detected: Detected, translation: Translation) -> TranslateResult:
    fields: dict[str, Any] = {"text": translation.text, "score": translation.score}
    if body.source == "auto":
        fields["detected"] = schemas.Detected.model_validate(detected)
    if body.alternatives:
        fields["alternatives"] = list(translation.alternatives)
    if body.attention and (attention := translation.attention):
        fields["attention"] = schemas.Attention(
            source_tokens=list(attention.source_tokens),
            target_tokens=list(attention.target_tokens),
            weights=[list(row) for row in attention.weights],
        )
    return TranslateResult.model_validate(fields)
