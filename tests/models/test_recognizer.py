"""The recognizer's network, with convolutions over time alone and over frequency too."""

import pytest
import torch

from models.networks.recognizer import Recognizer, RecognizerConfig


def network(kernels: int, stride: int) -> Recognizer:
    torch.manual_seed(3)
    config = RecognizerConfig(12, mel_bands=18, kernels=kernels, channels=6, stride=stride, hidden=5)
    model = Recognizer(config).eval()
    model.spectrum.filters.copy_(torch.rand_like(model.spectrum.filters))
    return model


@pytest.mark.parametrize("kernels", [0, 4])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_a_recording_is_heard_alike_alone_and_beside_longer_ones(kernels: int, stride: int) -> None:
    model = network(kernels, stride)
    lengths = torch.tensor([1, 2, 13, 14, 15, 16, 29])
    power = torch.rand(len(lengths), 29, model.spectrum.bins)
    with torch.no_grad():
        logs, steps = model(power, lengths)
        for row, length in enumerate(lengths.tolist()):
            alone, (count,) = model(power[row : row + 1, :length], lengths[row : row + 1])
            assert steps[row] == count == alone.shape[1] == (length - 1) // stride + 1
            torch.testing.assert_close(logs[row, :count], alone[0], rtol=1e-4, atol=1e-5)


def test_kernels_forgive_a_shift_of_the_bands() -> None:
    """Of an even band's peak to the next one: the larger of two neighbours stays the same."""
    model = network(4, 4)
    with torch.no_grad():
        for layer in (model.first, model.second):  # each band by itself, so that only the maxima join any
            assert isinstance(layer, torch.nn.Conv2d)
            middle = layer.weight[..., layer.weight.shape[-1] // 2].clone()
            layer.weight.zero_()
            layer.weight[..., layer.weight.shape[-1] // 2] = middle
        frames = torch.zeros(2, 20, 18)
        frames[0, :, 6], frames[1, :, 7] = 3.0, 3.0
        (low, high), _ = model.words(frames, torch.tensor([20, 20]))
        torch.testing.assert_close(low, high)
        frames[1] = frames[0].roll(4, dims=1)
        (low, high), _ = model.words(frames, torch.tensor([20, 20]))
    assert not torch.allclose(low, high, atol=1e-4)
