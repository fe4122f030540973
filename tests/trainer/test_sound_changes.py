"""Changes of recordings in training: each does what its setting says, and nothing at 0."""

from dataclasses import replace

import numpy as np
import pytest

from trainer.tasks.sound_changes import SoundChanges, SoundChangesConfig, cut

NOTHING = SoundChangesConfig(
    tempo=0.0,
    pitch=0.0,
    cut=0.0,
    loudness_db=0.0,
    microphone_db=0.0,
    noise_db=0.0,
    time_masks=0,
    band_masks=0,
)
BANDS = np.eye(9, dtype=np.float32)


def test_without_changes_words_are_joined_as_they_are() -> None:
    generator = np.random.default_rng(1)
    words = [generator.random((frames, 9), np.float32) for frames in (7, 12)]
    mel, spans = SoundChanges(NOTHING, BANDS).string(words, [2, 3, 0], generator)
    assert spans == [(2, 9), (12, 24)]
    assert len(mel) == 24
    for word, (start, end) in zip(words, spans, strict=True):
        np.testing.assert_allclose(mel[start:end], word / word.mean(), rtol=1e-5)
    assert not mel[:2].any()
    assert not mel[9:12].any()


def test_a_cut_takes_frames_of_both_ends_and_no_more_than_its_share() -> None:
    generator = np.random.default_rng(2)
    frames = np.arange(100, dtype=np.float32)[:, None]
    parts = [cut(frames, 0.2, generator)[:, 0] for _ in range(200)]
    for part in parts:
        np.testing.assert_array_equal(np.diff(part), 1)
    assert max(part[0] for part in parts) in range(15, 20)
    assert min(part[-1] for part in parts) in range(80, 85)
    assert min(part[0] for part in parts) < 4
    assert max(part[-1] for part in parts) > 95


@pytest.mark.parametrize("loudest", [5.0, 20.0])
def test_noise_lies_between_the_softest_and_the_loudest(loudest: float) -> None:
    generator = np.random.default_rng(4)
    changes = SoundChanges(replace(NOTHING, noise_db=30.0, loudest_noise_db=loudest), BANDS)
    word = np.ones((400, 9), np.float32)
    powers = [changes.string([word], [0, 0], generator)[0].mean() - 1 for _ in range(200)]
    decibels = 10 * np.log10(powers)
    assert -30.5 < decibels.min() < -28
    assert -loudest - 2 < decibels.max() < -loudest + 0.5
