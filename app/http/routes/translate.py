"""POST /translate."""

from collections.abc import Sequence
from typing import Any

from sse_starlette import EventSourceResponse

from app.catalog.detection import Detected
from app.engine.jobs import SentenceEvent, TranslateJob, Translation
from app.http.dependencies import ClientDep, EngineDep, SettingsDep
from app.http.events import EventIds, LastEventId, NativeFormatter, event
from app.http.schemas.base import as_list
from app.http.schemas.translate import (
    Attention,
    StreamedSentence,
    TranslateReply,
    TranslateRequest,
    TranslateResult,
)  # fmt: skip
from app.http.schemas.translate import Detected as DetectedReply
from app.http.sse import stream


async def translate(
    body: TranslateRequest,
    engine: EngineDep,
    client: ClientDep,
    settings: SettingsDep,
    last_event_id: LastEventId = None,
) -> TranslateReply | EventSourceResponse:
    """Translate a text, or several, sentence by sentence; line ends and spaces between sentences are kept.

    With `stream`, the reply is Server-Sent Events: `sentence` as soon as one and all before it are
    translated, `done` with the whole reply at the end, or `error`. A stream that was cut goes on where the
    same request is sent with the last id that came, as `Last-Event-ID`.
    """
    texts = as_list(body.text)
    model, target, detected = engine.registry.for_translation(body.model, texts, body.source, body.target)
    ids = EventIds.after(last_event_id if body.stream else None, model, 0, 0)
    job = TranslateJob(
        texts=tuple(texts),
        target=target,
        beam_size=body.beam_size,
        length_penalty=body.length_penalty,
        alternatives=body.alternatives,
        attention=body.attention,
        stream=body.stream,
    )
    ticket = await client.submit(engine, job, model)

    def finish(translations: Sequence[Translation]) -> TranslateReply:
        results = [_result(body, found, made) for found, made in zip(detected, translations, strict=True)]
        return TranslateReply(model=model.name, source=body.source, target=target, results=results)

    if body.stream:
        return await stream(
            client, engine, [ticket], NativeFormatter("/translate", ids, _sentence_event, finish), settings
        )
    return finish(await client.result(ticket))


def _sentence_event(identifier: str, piece: SentenceEvent) -> bytes:
    return event("sentence", identifier, StreamedSentence.model_validate(piece).model_dump_json())


def _result(body: TranslateRequest, detected: Detected, translation: Translation) -> TranslateResult:
    made: dict[str, Any] = {"text": translation.text, "score": translation.score}
    if body.source == "auto":
        made["detected"] = DetectedReply.model_validate(detected)
    if body.alternatives:
        made["alternatives"] = list(translation.alternatives)
    if body.attention and (attention := translation.attention):
        made["attention"] = Attention(
            source_tokens=list(attention.source_tokens),
            target_tokens=list(attention.target_tokens),
            weights=[list(row) for row in attention.weights],
        )
    return TranslateResult.model_validate(made)
