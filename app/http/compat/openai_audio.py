"""POST /v1/audio/transcriptions, for clients of OpenAI's API."""

from fastapi import Response
from fastapi.responses import PlainTextResponse

from app.http.dependencies import ClientDep, EngineDep, SettingsDep
from app.http.operations.operation import run
from app.http.operations.transcription import transcription
from app.http.replies import decoded
from app.http.schemas.openai_audio import AudioTranscription, TranscriptionForm, TranscriptionWord

LANGUAGES = {"en": "english", "tr": "turkish"}


async def transcriptions(
    body: TranscriptionForm, engine: EngineDep, client: ClientDep, settings: SettingsDep
) -> AudioTranscription | Response:
    """Write down the words of a recording. Prompt and temperature have no effect."""
    (served,) = engine.registry.for_task("recognizer", body.model)
    language = body.language or "en"
    reply = await run(await decoded(transcription, body.file, served, language, settings), client, engine)
    if body.response_format == "text":
        return PlainTextResponse(reply.text + "\n")
    if body.response_format == "json":
        return AudioTranscription(text=reply.text)
    words = [TranscriptionWord(word=word.word, start=word.start, end=word.end) for word in reply.words]
    return AudioTranscription(
        text=reply.text, task="transcribe", language=LANGUAGES[language], duration=reply.duration_s, words=words
    )
