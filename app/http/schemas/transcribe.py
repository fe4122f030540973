"""POST /transcribe."""

from typing import Literal

from pydantic import Field

from app.http.schemas.base import Reply, Request

WordLanguage = Literal["en", "tr"]


class TranscribeRequest(Request):
    file: bytes = Field(description="A recording: WAV, FLAC or Ogg, of any sample rate.")
    model: str | None = Field(None, max_length=200, description="A recognizer; default: see /models.")
    language: WordLanguage | None = Field(
        None, description="The language in which digits are written, whatever they were spoken in; default: en."
    )


class TranscribedWord(Reply):
    word: str = Field(description="The word.")
    start: float = Field(description="In seconds.")
    end: float = Field(description="In seconds.")
    peak: float = Field(description="Where the model is surest that it hears the word, in seconds.")
    probability: float = Field(description="There, of the word.")


class TranscribeReply(Reply):
    model: str = Field(description="The recognizer that answered.")
    text: str = Field(description="All words, joined by spaces.")
    words: list[TranscribedWord] = Field(description="Each word with its times and its probability.")
    duration_s: float = Field(description="Length of the recording.")
