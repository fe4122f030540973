"""A tiny network that draws, untrained: laws hold for it as for a large one."""

import torch

from models.networks.pixel_rnn import PixelRNN, PixelRNNConfig

CLASSES = (("zero", "sıfır", "0"), ("six", "altı", "6"), ("seven", "yedi", "7"))
SIZES = {"embedding": 3, "row_hidden": 7, "row_features": 3, "window_rows": 3, "window_side": 2, "window_features": 6}


def tiny_pixel_rnn(vocabulary: int = 10, height: int = 6, width: int = 5) -> PixelRNN:
    """Of images of 6 by 5 pixels."""
    torch.manual_seed(11)
    config = PixelRNNConfig(vocabulary, CLASSES, height, width, context=5, hidden=8, head=4, **SIZES)
    model = PixelRNN(config).eval()
    with torch.no_grad():  # so that what lies far above, and the class, count as much as in a trained one
        model.columns.weight.mul_(10)
    return model
