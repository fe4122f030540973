"""POST /v1/audio/transcriptions and /v1/audio/speech, as in OpenAI's API."""

from typing import Literal

from pydantic import ConfigDict, Field

from app.http.schemas.base import MAX_SEED, Reply, Text
from app.http.schemas.lax import LaxRequest
from app.http.schemas.speak import FASTEST, SLOWEST
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


class SpeechRequest(LaxRequest):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": "digits-speaker", "input": "three seven one", "voice": "theo"}]}
    )

    model: str = Field(max_length=200)
    input: Text = Field(description="Words that the model knows, as `text` of /speak.")
    voice: str = Field(max_length=200, description="One of the model's `voices` in /models.")
    response_format: Literal["mp3", "opus", "flac", "wav", "pcm"] = Field(
        "mp3", description="pcm: 24,000 samples a second, 16 bits each, little-endian."
    )
    speed: float = Field(1.0, ge=SLOWEST, le=FASTEST)
    stream_format: Literal["audio"] = Field("audio", description="Only the file itself.")
    seed: int | None = Field(None, ge=0, le=MAX_SEED, description="Not in OpenAI's API: as `seed` of /speak.")
