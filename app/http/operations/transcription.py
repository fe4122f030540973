"""Recognition of speech."""

from app.catalog.registry import Registry, Served
from app.engine.jobs import TranscribeJob, Transcription
from app.errors import InvalidRequest
from app.http.operations.operation import Operation
from app.http.schemas.transcribe import TranscribedWord, TranscribeReply, TranscribeRequest
from app.settings import Settings
from models.errors import SoundError
from models.sound import SoundLimits, read_sound
from models.text.digits import DIGITS


def transcribe(body: TranscribeRequest, registry: Registry, settings: Settings) -> Operation[TranscribeReply]:
    """Decodes the recording, which takes some milliseconds. Raises ModelNotFound, NoModel or InvalidRequest."""
    served = registry.for_use("recognizer", body.model)
    return transcription(body.file, served, body.language or "en", settings)


def transcription(content: bytes, served: Served, language: str, settings: Settings) -> Operation[TranscribeReply]:
    """As `transcribe`, by a model that is chosen already."""
    rate = served.checkpoint.model.config.sample_rate
    limits = SoundLimits(settings.max_audio_s, settings.max_sample_rate, settings.max_audio_channels)
    try:
        wave = read_sound(content, rate, limits)
    except SoundError as error:
        raise InvalidRequest(str(error), "file") from None
    seconds = len(wave) / rate

    def reply(result: Transcription) -> TranscribeReply:
        words = [
            TranscribedWord(
                word=_written(word.word, language),
                start=round(word.start, 3),
                end=round(min(word.end, seconds), 3),
                peak=round(word.peak, 3),
                probability=word.probability,
            )
            for word in result.words
        ]
        text = " ".join(word.word for word in words)
        return TranscribeReply(model=served.name, text=text, words=words, duration_s=round(seconds, 3))

    return Operation.of_one_job(TranscribeJob(wave.tobytes(), seconds), served, reply)


def _written(word: str, language: str) -> str:
    """A digit in a language; other words stay as they are."""
    return DIGITS[language][DIGITS["en"].index(word)] if word in DIGITS["en"] else word
