"""POST /v1/audio/transcriptions and /v1/audio/speech, as in OpenAI's API."""

from typing import Literal

from pydantic import ConfigDict, Field

from app.http.schemas.base import MAX_SEED_64, Reply, Text
from app.http.schemas.lax import LaxRequest
from app.http.schemas.speak import FASTEST, SLOWEST
from app.http.schemas.transcribe import WordLanguage


class TranscriptionForm(LaxRequest):
    file: bytes = Field(description="A recording: WAV, FLAC or Ogg, of any sample rate.")
    model: str = Field(max_length=200, description="A recognizer, as in /models.")
    response_format: Literal["json", "text", "verbose_json"] = Field(
        "json", description="json has the text alone; text is no JSON; verbose_json has times too."
    )
    language: WordLanguage | None = Field(
        None, description="The language in which digits are written, whatever they were spoken in; default: en."
    )


class TranscriptionWord(Reply):
    word: str = Field(description="The word.")
    start: float = Field(description="In seconds.")
    end: float = Field(description="In seconds.")


class AudioTranscription(Reply):
    """With verbose_json, all fields."""

    text: str = Field(description="All words.")
    task: Literal["transcribe"] | None = Field(None, description="With verbose_json.")
    language: str | None = Field(None, description="With verbose_json: the language in which digits are written.")
    duration: float | None = Field(None, description="With verbose_json: length of the recording in seconds.")
    words: list[TranscriptionWord] | None = Field(None, description="With verbose_json: each word with its times.")


class SpeechRequest(LaxRequest):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": "digits-speaker", "input": "three seven one", "voice": "theo"}]}
    )

    model: str = Field(max_length=200, description="A model that speaks, as in /models.")
    input: Text = Field(description="Words that the model knows, as `text` of /speak.")
    voice: str = Field(max_length=200, description="One of the model's `voices` in /models.")
    response_format: Literal["mp3", "opus", "flac", "wav", "pcm"] = Field(
        "mp3", description="pcm: 24,000 samples a second, 16 bits each, little-endian."
    )
    speed: float = Field(1.0, ge=SLOWEST, le=FASTEST, description="2 is twice as fast as the recordings.")
    stream_format: Literal["audio"] = Field("audio", description="Only the file itself.")
    seed: int | None = Field(None, ge=0, le=MAX_SEED_64, description="Not in OpenAI's API: as `seed` of /speak.")
