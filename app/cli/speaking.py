"""What the command `speak` does."""

from pathlib import Path
from typing import Any

from app.cli.answering import answer_bodies, body_of
from app.cli.environment import settings_of
from app.cli.input import Limit, read_texts
from app.http import operations
from app.http.schemas.speak import SpeakRequest, SpokenText
from models.errors import CheckpointError
from models.files import write_atomic, writing
from models.sound import write_sound

KINDS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".opus": "OGG", ".mp3": "MP3"}
"""Of each suffix, libsndfile's name of the format."""
TEXT = Limit("max_spoken_characters")


def speak(texts: list[str] | None, out: Path, checkpoints: Path | None, **options: Any) -> None:
    settings = settings_of(checkpoints=checkpoints)
    kind = KINDS.get(out.suffix.lower())
    if kind is None:
        raise CheckpointError(f"{out}: its name must end with one of these: {', '.join(KINDS)}")
    if not out.parent.is_dir():
        raise CheckpointError(f"{out.parent}: no such folder")
    (text,) = read_texts(texts, False, settings, TEXT)
    body = body_of(SpeakRequest, settings, text=text, **options)

    def show(_: SpeakRequest, reply: SpokenText) -> None:
        with writing(out):
            write_atomic(out, write_sound(reply.wave, reply.rate, kind))

    answer_bodies("speaker", operations.speak, [body], settings, show, json=False)
