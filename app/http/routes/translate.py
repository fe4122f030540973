"""POST /translate."""

from fastapi import Response

from app.engine.jobs import SentenceEvent
from app.http import operations
from app.http.dependencies import ClientDep, EngineDep, LastEventId, SettingsDep
from app.http.events import event, stream_native
from app.http.replies import answer, prepared
from app.http.schemas.base import as_list
from app.http.schemas.translate import StreamedSentence, TranslateReply, TranslateRequest


async def translate(
    body: TranslateRequest,
    engine: EngineDep,
    client: ClientDep,
    settings: SettingsDep,
    last_event_id: LastEventId = None,
) -> TranslateReply | Response:
    """Translate a text, or several, sentence by sentence; line ends and spaces between sentences are preserved.

    Each text of a list is translated by the model for its language.

    With `stream`, the reply is Server-Sent Events: `sentence` as soon as a sentence and all before it are
    translated, `done` with the whole reply at the end, or `error`. A stream that was interrupted resumes when
    the same request is sent with the last event's id as `Last-Event-ID`.
    """
    characters = sum(map(len, as_list(body.text)))
    operation = await prepared(characters, operations.translate, body, engine.registry, last_event_id)
    if body.stream:
        return await stream_native("/translate", operation, _sentence_event, client, engine, settings)
    return await answer(operation, client, engine)


def _sentence_event(identifier: str, piece: SentenceEvent) -> bytes:
    return event("sentence", identifier, StreamedSentence.model_validate(piece).model_dump_json())
