"""POST /v1/audio/transcriptions, as in OpenAI's API."""

from typing import Literal

from pydantic import Field

from app.http.schemas.base import Reply
from app.http.schemas.lax import LaxRequest
from app.http.schemas.transcribe import WordLanguage


class TranscriptionForm(LaxRequest):
    file: bytes = Field(description="A recording: WAV, FLAC or Ogg, of any sample rate.")
    model: str = Field(max_length=200)
    response_format: Literal["json", "text", "verbose_json"] = "json"
    language: WordLanguage | None = Field(
        None, description="The language in which digits are written, whatever they were spoken in; default: en."
    )


class TranscriptionWord(Reply):
    word: str
    start: float
    end: float


class AudioTranscription(Reply):
    """With verbose_json, all fields."""

    text: str
    task: Literal["transcribe"] | None = None
    language: str | None = None
    duration: float | None = None
    words: list[TranscriptionWord] | None = None
