"""Training a speaker on recordings that are made up here."""

from collections.abc import Sequence

import pytest
import torch

from models.errors import DataError
from models.networks.speaker import Speaker, SpeakerConfig
from tests.sounds import RATE, file_of, tone
from trainer.data.recordings import Spoken
from trainer.tasks.speaking import SpeakingTask, SpeakingTaskConfig, read_takes, trimmed_power, words_and_voices

WORDS, VOICES = ("one", "two"), ("ann", "bob")


def recordings(takes: Sequence[int]) -> list[Spoken]:
    return [
        Spoken(word, voice, take, file_of(tone(0.3 + 0.02 * take, seed=10 * first + second)))
        for first, word in enumerate(WORDS)
        for second, voice in enumerate(VOICES)
        for take in takes
    ]


@pytest.fixture
def task() -> SpeakingTask:
    torch.manual_seed(1)
    train, valid = recordings(range(4)), recordings([5])
    model = Speaker(SpeakerConfig(4, WORDS, VOICES, len(train), embedding=8, style=4, hidden=16))
    config = SpeakingTaskConfig(batch_size=8, style_noise=0.0)
    return SpeakingTask(model, read_takes(train, model), read_takes(valid, model), config, seed=1)


def test_it_learns(task: SpeakingTask) -> None:
    optimizer = torch.optim.Adam(task.model.parameters(), lr=0.01)
    with torch.no_grad():
        before = task.validate()["distance"]
    for epoch in range(15):
        for batch in task.batches(epoch):
            optimizer.zero_grad()
            task.loss(batch).backward()
            optimizer.step()
    with torch.no_grad():
        assert task.validate()["distance"] < 0.8 * before


def test_a_batch_in_parts_is_the_same_loss(task: SpeakingTask) -> None:
    (batch, *_) = task.batches(0)
    parts = task.parts(batch, 3)
    weights = [task.targets(part) for part in parts]
    assert sum(weights) == task.targets(batch)
    with torch.no_grad():
        whole = float(task.loss(batch))
        mean = sum(float(task.loss(part)) * weight for part, weight in zip(parts, weights, strict=True)) / sum(weights)
    assert mean == pytest.approx(whole, rel=1e-4)


def test_styles_that_are_saved_are_those_of_the_weights(task: SpeakingTask) -> None:
    weights = {name: parameter.detach() * 1.5 for name, parameter in task.model.named_parameters()}
    task.export(weights)
    task.model.load_state_dict(weights, strict=False)
    frames = task.model.normalize(task.train.powers[3]).unsqueeze(0)
    with torch.no_grad():
        own = task.model.styles(frames, torch.tensor([frames.shape[1]]))[0]
    assert torch.allclose(task.model.take_styles[3], own, atol=1e-5)
    assert task.model.take_frames.tolist() == [len(power) for power in task.train.powers]


def test_quiet_ends_and_a_constant_offset_are_cut() -> None:
    taper, quiet = torch.hann_window(256), torch.zeros(RATE // 2)
    word = torch.from_numpy(tone(0.4))
    own = trimmed_power(word.numpy(), taper, 80, RATE)
    padded = trimmed_power((torch.cat([quiet, word, quiet]) + 0.2).numpy(), taper, 80, RATE)
    assert len(padded) == pytest.approx(len(own), abs=6)


def test_every_voice_says_every_word() -> None:
    assert words_and_voices(recordings([0])) == (WORDS, VOICES)
    with pytest.raises(DataError, match="no recording has the word 'two' by 'bob'"):
        words_and_voices(recordings([0])[:-1])


def test_validation_data_has_no_other_names() -> None:
    model = Speaker(SpeakerConfig(4, ("one",), VOICES, 4, embedding=4, style=2, hidden=4))
    with pytest.raises(DataError, match="the word 'two', which no training recording has"):
        read_takes(recordings([0]), model)
