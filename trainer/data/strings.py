"""Strings of recordings: how single words become several, in training and in measuring."""

from collections.abc import Sequence

import numpy as np

from models.sound import Wave


def strings_of(voices: Sequence[str], longest: int, generator: np.random.Generator) -> list[list[int]]:
    """Every recording once, in strings of 1 to `longest` recordings of one voice each, as indices.

    voices are those of the recordings, in their order.
    """
    groups: dict[str, list[int]] = {}
    for index in generator.permutation(len(voices)).tolist():
        groups.setdefault(voices[index], []).append(index)
    strings = []
    for voice in sorted(groups):
        rest = groups[voice]
        while rest:
            count = int(generator.integers(1, longest + 1))
            strings.append(rest[:count])
            rest = rest[count:]
    return strings


def strings_of_length(
    voices: Sequence[str], length: int, count: int, generator: np.random.Generator
) -> list[list[int]]:
    """So many strings of `length` recordings of one voice each, drawn at random, as indices."""
    groups: dict[str, list[int]] = {}
    for index, voice in enumerate(voices):
        groups.setdefault(voice, []).append(index)
    names = sorted(groups)
    return [generator.choice(groups[names[number % len(names)]], length).tolist() for number in range(count)]


def joined(waves: Sequence[Wave], rate: int, generator: np.random.Generator) -> Wave:
    """Waves (N,) at a rate as one, with pauses of up to 0.3 s and white noise 20 to 40 dB below the speech."""
    pauses = [np.zeros(round(seconds * rate), np.float32) for seconds in generator.uniform(0.0, 0.3, len(waves) + 1)]
    string = np.concatenate([pauses[0], *(part for pair in zip(waves, pauses[1:], strict=True) for part in pair)])
    level = np.sqrt(np.square(string).mean()) * 10 ** (-generator.uniform(20.0, 40.0) / 20)
    return (string + generator.normal(0.0, level, len(string))).astype(np.float32)
