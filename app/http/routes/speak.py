"""POST /speak."""

from fastapi import Response

from app.http import operations
from app.http.dependencies import ClientDep, EngineDep
from app.http.operations.operation import run
from app.http.replies import decoded
from app.http.schemas.speak import SpeakRequest
from models.sound import write_sound


async def speak(body: SpeakRequest, engine: EngineDep, client: ClientDep) -> Response:
    """Speak the words of a text: the reply is a WAV file.

    The headers `carousel-voice` and `carousel-seed` say which voice spoke, and from which seed: the same text sounds
    the same with both.
    """
    spoken = await run(operations.speak(body, engine.registry), client, engine)
    headers = {"carousel-voice": spoken.voice, "carousel-seed": str(spoken.seed)}
    content = await decoded(write_sound, spoken.wave, spoken.rate)
    return Response(content, media_type="audio/wav", headers=headers)
