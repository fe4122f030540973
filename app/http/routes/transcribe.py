"""POST /transcribe."""

from fastapi import Response

from app.http import operations
from app.http.dependencies import ClientDep, EngineDep, SettingsDep
from app.http.replies import answer, decoded
from app.http.schemas.transcribe import TranscribeReply, TranscribeRequest


async def transcribe(
    body: TranscribeRequest, engine: EngineDep, client: ClientDep, settings: SettingsDep
) -> TranscribeReply | Response:
    """Write down the words of a recording: a file as the body, or in the field `file` of a form.

    Each word comes with its time and probability. The models that come with Carousel know the ten English digits.
    """
    return await answer(await decoded(operations.transcribe, body, engine.registry, settings), client, engine)
