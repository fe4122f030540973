"""POST /v1/audio/transcriptions and /v1/audio/speech, for clients of OpenAI's API."""

from fastapi import Response
from fastapi.responses import PlainTextResponse

from app.http.dependencies import ClientDep, EngineDep, SettingsDep
from app.http.operations.operation import run
from app.http.operations.speech import speech as speech_of
from app.http.operations.transcription import transcription
from app.http.replies import decoded
from app.http.schemas.openai_audio import AudioTranscription, SpeechRequest, TranscriptionForm, TranscriptionWord
from app.http.schemas.speak import SpokenText
from models.sound import write_samples, write_sound

LANGUAGES = {"en": "english", "tr": "turkish"}
PCM_RATE = 24_000
"""Samples a second of OpenAI's pcm."""
FILES = {"mp3": ("MP3", "audio/mpeg"), "opus": ("OGG", "audio/ogg"), "flac": ("FLAC", "audio/flac"),
         "wav": ("WAV", "audio/wav")}  # fmt: skip
"""Of each format of speech, libsndfile's name and the media type."""


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


async def speech(body: SpeechRequest, engine: EngineDep, client: ClientDep) -> Response:
    """Speak the words of a text. Instructions have no effect."""
    (served,) = engine.registry.for_task("speaker", body.model)
    operation = speech_of(served, body.input, body.voice, body.seed, body.speed, "input")
    spoken = await run(operation, client, engine)
    content, media_type = await decoded(_encoded, spoken, body.response_format)
    return Response(content, media_type=media_type)


def _encoded(spoken: SpokenText, form: str) -> tuple[bytes, str]:
    """A file and its media type."""
    if form == "pcm":
        return write_samples(spoken.wave, spoken.rate, PCM_RATE), "audio/pcm"
    kind, media_type = FILES[form]
    return write_sound(spoken.wave, spoken.rate, kind), media_type
