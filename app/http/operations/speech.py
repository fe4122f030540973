"""Speech."""

import secrets

from app.catalog.registry import Registry, Served
from app.engine.jobs import SpeakJob, Speech
from app.errors import InvalidRequest
from app.http.operations.operation import Operation
from app.http.schemas.speak import SpeakRequest, SpokenText
from models.errors import ModelError
from models.networks.speaker import SpeakerConfig
from models.sampling import random_key
from models.text.spoken_words import spoken_words


def speak(body: SpeakRequest, registry: Registry) -> Operation[SpokenText]:
    """Raises ModelNotFound, NoModel or InvalidRequest."""
    served = registry.for_use("speaker", body.model)
    return speech(served, body.text, body.voice, body.seed, body.speed)


def speech(
    served: Served, text: str, voice: str | None, seed: int | None, speed: float, field: str = "text"
) -> Operation[SpokenText]:
    """As `speak`, by a model that is chosen already, of a text that the request has in a field."""
    config: SpeakerConfig = served.checkpoint.model.config
    try:
        words = tuple(config.words.index(word) for word in spoken_words(text, config.words))
    except ModelError as error:
        raise InvalidRequest(str(error), field) from None
    if voice is not None and voice not in config.voices:
        raise InvalidRequest(f"it must be one of these: {', '.join(config.voices)}", "voice")
    seed = secrets.randbelow(2**31) if seed is None else seed
    index = random_key(seed, len(words)) % len(config.voices) if voice is None else config.voices.index(voice)
    job = SpeakJob(words, index, seed, speed)

    def reply(result: Speech) -> SpokenText:
        return SpokenText(voice=config.voices[index], seed=seed, rate=config.sample_rate, samples=result.samples)

    return Operation.of_one_job(job, served, reply)
