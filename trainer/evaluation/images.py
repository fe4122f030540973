"""How probable a network that draws images finds those that people drew."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.networks.pixel_rnn import PixelRNN
from trainer.evaluation.bootstrap import interval
from trainer.evaluation.config import EvaluationConfig

BATCH = 50
BINARIZATION_SEED = 1


def binarize(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images (N, H, W) of 0 and 1, each pixel 1 with its gray value as the probability, always the same.

    Salakhutdinov and Murray 2008, whose own sample, Larochelle and Murray's (2011) test set, is not used here: this
    one is defined by its seed. The first images of a longer array are binarized as they are alone.
    """
    uniform = np.random.default_rng(BINARIZATION_SEED).random(gray.shape)
    return (uniform * 255 < gray).astype(np.uint8)


def image_log_probabilities(model: PixelRNN, images: Tensor, classes: Tensor) -> Tensor:
    """The log-probability, in nats, of each image (N, H, W) of 0 and 1 given its class (N,): (N,) float64."""
    device = model.embedding.weight.device
    parts = []
    for first in range(0, len(images), BATCH):
        pixels = images[first : first + BATCH].to(device, torch.float32)
        logits = model(pixels, classes[first : first + BATCH].to(device)).double()  # (B, H, W)
        parts.append(-torch.nn.functional.softplus((1 - 2 * pixels) * logits).sum((1, 2)).cpu())
    return torch.cat(parts)


def evaluate_images(
    model: PixelRNN, gray: NDArray[np.uint8], labels: NDArray[np.uint8], config: EvaluationConfig
) -> dict[str, Any]:
    """Nats per image, binarized.

    nats is of the mixture over all classes, each as probable as the others, and so is comparable to that of a network
    that knows no classes; the other two are of an image given its class, and of this network given none.
    """
    images = torch.from_numpy(binarize(gray))
    true = torch.from_numpy(labels.astype(np.int64))
    by_class = torch.stack(
        [image_log_probabilities(model, images, torch.full_like(true, index)) for index in range(model.no_class)]
    )  # (C, N)
    given = by_class.gather(0, true.unsqueeze(0)).squeeze(0)
    mixture = by_class.logsumexp(0) - math.log(model.no_class)
    without = image_log_probabilities(model, images, torch.full_like(true, model.no_class))
    scores: dict[str, Any] = {"images": len(images), "nats": -mixture.mean().item()}
    if config.resamples:
        scores["nats_95"] = interval(-mixture.numpy(), np.ones(len(images)), config.resamples)
    return {
        **scores,
        "nats_given_class": -given.mean().item(),
        "nats_without_class": -without.mean().item(),
        "class_accuracy": (by_class.argmax(0) == true).double().mean().item(),
    }
