"""A speaker's parts: phases from magnitudes, words of a text, and how seed, voice and speed change a word."""

import numpy as np
import pytest
import torch

from models.errors import ConfigError, ModelError
from models.griffin_lim import griffin_lim
from models.networks.speaker import Speaker, SpeakerConfig
from models.runtime.speaker import FloatSpeaker
from models.text.spoken_words import spoken_words
from tests.sounds import RATE, tiny_speaker

WINDOW, HOP = 256, 80


def magnitudes(wave: torch.Tensor, taper: torch.Tensor) -> torch.Tensor:
    return torch.stft(wave, WINDOW, HOP, window=taper, return_complex=True).abs().T


def test_a_wave_of_magnitudes_has_them() -> None:
    taper, time = torch.hann_window(WINDOW), torch.arange(HOP * 50) / RATE
    target = magnitudes(torch.sin(2 * torch.pi * (300 + 900 * time) * time), taper)
    wave = griffin_lim(target, taper, HOP)
    assert wave.shape == (HOP * 50,)
    distance = (magnitudes(wave, taper) - target).square().sum() / target.square().sum()
    assert distance < 0.05
    assert torch.equal(wave, griffin_lim(target, taper, HOP)), "the first phases are always the same"


def test_power_is_what_was_normalized() -> None:
    model = tiny_speaker()
    model.mean.copy_(torch.linspace(-2, 1, model.bins))
    model.deviation.fill_(1.7)
    power = torch.rand(30, model.bins) + 0.1
    assert torch.allclose(model.power(model.normalize(power * 50)), power / power.mean(), rtol=1e-3)


def test_frames_do_not_depend_on_other_words() -> None:
    model, lengths = tiny_speaker().eval(), torch.tensor([12, 30, 21])
    words, voices, styles = torch.tensor([1, 4, 9]), torch.tensor([0, 1, 0]), torch.randn(3, model.config.style)
    with torch.inference_mode():
        together = model(words, voices, styles, lengths)
        for row, length in enumerate(lengths.tolist()):
            own = slice(row, row + 1)
            alone = model(words[own], voices[own], styles[own], lengths[own])
            assert torch.allclose(together[row, :length], alone[0], atol=1e-5)


def test_a_style_does_not_depend_on_padding() -> None:
    model = tiny_speaker()
    frames, lengths = torch.randn(2, 27, model.bins), torch.tensor([20, 27])
    alone = model.styles(frames[:1, :20], lengths[:1])
    assert torch.allclose(model.styles(frames, lengths)[:1], alone, atol=1e-5)


def test_seed_place_voice_and_speed() -> None:
    runtime = FloatSpeaker(tiny_speaker())
    with torch.inference_mode():
        own = runtime.speak(3, 0, seed=1, number=0, speed=1.0)
        assert np.array_equal(own, runtime.speak(3, 0, seed=1, number=0, speed=1.0))
        others = [(3, 0, 2, 0), (3, 0, 1, 1), (3, 1, 1, 0), (4, 0, 1, 0)]
        for word, voice, seed, number in others:
            other = runtime.speak(word, voice, seed, number, 1.0)
            assert len(other) != len(own) or not np.array_equal(other, own)
        assert len(runtime.speak(3, 0, seed=1, number=0, speed=2.0)) == pytest.approx(len(own) / 2, rel=0.15)
        assert np.abs(own).max() <= 1


def test_a_repeated_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="voices"):
        SpeakerConfig(4, ("one", "two"), ("ann", "ann"), 4)
    with pytest.raises(ConfigError, match="words"):
        Speaker(SpeakerConfig(4, (), ("ann",), 4))


@pytest.mark.parametrize(
    ("text", "words"),
    [("Hello 12", "hello"), ("12 hello", "hello")],
)
def test_words_beside_digits(text: str, words: str) -> None:
    assert words in spoken_words(text, ("hello", "one", "two"))


def test_only_known_digits_are_figures() -> None:
    assert spoken_words("1 one bir", ("one", "two")) == ["one"] * 3
    with pytest.raises(ModelError, match="word 2, characters 3 to 3: it is none that the model says: one, two"):
        spoken_words("1 3", ("one", "two"))
