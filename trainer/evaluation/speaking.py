"""Scores of a speaker: how far it is from recordings, and how much of what it says a recognizer understands."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models import checkpoint
from models.checkpoint import Checkpoint
from models.errors import ConfigError
from models.networks.recognizer import Recognizer
from models.networks.speaker import Speaker
from models.runtime.recognizer import FloatRecognizer
from models.runtime.speaker import PAUSE_S, FloatSpeaker
from models.sound import Wave
from trainer.data.recordings import RecordingSource
from trainer.evaluation.bootstrap import interval
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.edits import edit_distance

WORDS = 5
"""Times that each voice says each word."""
STRINGS = 100
LENGTH = 3
SEED = 3


def load_recognizer(directory: str) -> Checkpoint | None:
    """The recognizer that hears what a speaker says; None where no directory is named.

    Raises CheckpointError for one that can't be read, ConfigError for another kind of model.
    """
    if not directory:
        return None
    loaded = checkpoint.load(Path(directory))
    if not isinstance(loaded.model, Recognizer):
        raise ConfigError(f"recognizer: {directory} is a {loaded.kind}")
    return loaded


def evaluate_speaker(model: Speaker, source: RecordingSource, config: EvaluationConfig) -> dict[str, Any]:
    """Accuracy of a recognizer on words that the speaker says, and its word error rate on strings of three.

    Words and voices are those of the source that the model has; styles are drawn from always the same seeds.
    """
    listener = load_recognizer(config.recognizer)
    if listener is None:
        raise ConfigError("recognizer is empty: name the directory of one to measure a speaker by")
    runtime = FloatSpeaker(model)
    ear = FloatRecognizer(listener.model)  # type: ignore[arg-type]
    recordings = list(source.recordings())
    texts = sorted({one.text for one in recordings} & set(model.config.words))
    voices = sorted({one.voice for one in recordings} & set(model.config.voices))

    def errors(words: list[str], voice: str, seed: int) -> int:
        wave = spoken(runtime, words, voice, seed)
        heard = listener.tokenizer.decode([word.id for word in ear.recognize(wave)]).split()
        return edit_distance(heard, words)

    right = {
        voice: np.array([errors([text], voice, seed) == 0 for text in texts for seed in range(WORDS)])
        for voice in voices
    }
    every = np.concatenate(list(right.values()))
    generator = np.random.default_rng(SEED)
    strings = [[str(word) for word in generator.choice(texts, LENGTH)] for _ in range(STRINGS)]
    edits = [errors(words, voices[number % len(voices)], number) for number, words in enumerate(strings)]
    scores: dict[str, Any] = {
        "words": len(every),
        "accuracy": float(every.mean()),
        "voices": {voice: {"accuracy": float(some.mean())} for voice, some in right.items()},
        "strings_of_three": {"strings": STRINGS, "word_error_rate": sum(edits) / (STRINGS * LENGTH)},
    }
    if config.resamples:
        scores["accuracy_95"] = interval(every.astype(int), np.ones(len(every), int), config.resamples)
        between = interval(np.array(edits), np.full(STRINGS, LENGTH), config.resamples)
        scores["strings_of_three"]["word_error_rate_95"] = between
    return scores


def spoken(runtime: FloatSpeaker, words: Sequence[str], voice: str, seed: int) -> Wave:
    """Samples (N,) of words by a voice, with pauses before, between and after them."""
    config = runtime.config
    pause = runtime.silence(PAUSE_S)
    parts = [pause]
    for number, word in enumerate(words):
        parts += [runtime.speak(config.words.index(word), config.voices.index(voice), seed, number, 1.0), pause]
    return np.concatenate(parts)
