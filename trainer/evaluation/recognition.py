"""Scores of a recognizer: on recordings of one word, and on strings of three that are joined from them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.networks.recognizer import Recognizer
from models.runtime.recognizer import FloatRecognizer
from models.sound import Wave
from models.text.tokenizers import Tokenizer
from trainer.data.recordings import RecordingSource
from trainer.data.strings import joined, strings_of_length
from trainer.evaluation.bootstrap import interval
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.edits import edit_distance

STRINGS = 300
LENGTH = 3
SEED = 3


def evaluate_recognizer(
    model: Recognizer, tokenizer: Tokenizer, source: RecordingSource, config: EvaluationConfig
) -> dict[str, Any]:
    """Accuracy on recordings, in all and for each voice, and the word error rate on strings of three.

    Strings are of one voice, with pauses of up to 0.3 s and noise 20 to 40 dB below the speech: always the same ones.
    """
    runtime = FloatRecognizer(model)
    recordings = list(source.recordings())
    waves = [one.wave(model.config.sample_rate) for one in recordings]
    texts, voices = [one.text.split() for one in recordings], [one.voice for one in recordings]
    errors = np.array([_errors(runtime, tokenizer, wave, text) for wave, text in zip(waves, texts, strict=True)])
    scores: dict[str, Any] = {"recordings": len(recordings), **_accuracy(errors == 0, config)}
    scores["voices"] = {
        voice: {"accuracy": float((errors[np.array(voices) == voice] == 0).mean())} for voice in sorted(set(voices))
    }
    generator = np.random.default_rng(SEED)
    strings = strings_of_length(voices, LENGTH, STRINGS, generator)
    edits, words = [], []
    for string in strings:
        wave = joined([waves[index] for index in string], model.config.sample_rate, generator)
        text = [word for index in string for word in texts[index]]
        edits.append(_errors(runtime, tokenizer, wave, text))
        words.append(len(text))
    scores["strings_of_three"] = {"strings": STRINGS, "word_error_rate": sum(edits) / sum(words)}
    if config.resamples:
        between = interval(np.array(edits), np.array(words), config.resamples)
        scores["strings_of_three"]["word_error_rate_95"] = between
    return scores


def _errors(runtime: FloatRecognizer, tokenizer: Tokenizer, wave: Wave, text: Sequence[str]) -> int:
    return edit_distance(tokenizer.decode([word.id for word in runtime.recognize(wave)]).split(), text)


def _accuracy(right: "np.ndarray[Any, Any]", config: EvaluationConfig) -> dict[str, Any]:
    scores: dict[str, Any] = {"accuracy": float(right.mean())}
    if config.resamples:
        scores["accuracy_95"] = interval(right.astype(int), np.ones(len(right), int), config.resamples)
    return scores
