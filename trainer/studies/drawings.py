"""Whether a network draws what it is asked for: a classifier that is trained apart looks at its drawings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models import checkpoint
from models.errors import DataError
from models.networks.pixel_rnn import PixelRNN
from models.runtime.pixel_rnn import DEFAULT_GUIDANCE, PixelRuntime
from trainer.data.mnist import parse_mnist
from trainer.evaluation.drawings import draw
from trainer.evaluation.images import binarize

BATCH = 64
DRAWN_TOGETHER = 40


def measure_drawings(
    directory: Path,
    data: str,
    root: Path,
    count: int,
    epochs: int,
    seed: int,
    guidances: Sequence[float] = (DEFAULT_GUIDANCE,),
) -> dict[str, Any]:
    """The share of `count` drawings with each guidance, unchosen, in which a classifier sees what was asked for.

    It is convolutional, and trained on the source's binarized training images; its accuracy on those held back says how
    far to trust it. Raises DataError for a checkpoint that does not draw.
    """
    model = checkpoint.load(directory).model
    if not isinstance(model, PixelRNN):
        raise DataError(f"{directory}: no model that draws")
    train, held_back = (parse_mnist(data, root, split) for split in ("train", "validation"))
    classifier = train_classifier(binarize(train.images), train.labels, len(model.config.classes), epochs, seed)
    predicted = classify(classifier, binarize(held_back.images))
    classes = np.arange(count) % len(model.config.classes)
    runtime = PixelRuntime(model)
    return {
        "drawings": count,
        "agreement": {
            str(guidance): float((classify(classifier, _draw_all(runtime, classes, guidance)) == classes).mean())
            for guidance in guidances
        },
        "classifier_accuracy": float((predicted == held_back.labels).mean()),
    }


def _draw_all(runtime: PixelRuntime, classes: NDArray[np.int64], guidance: float) -> NDArray[np.uint8]:
    """An image of each class, some at a time, each time with the next seed."""
    starts = range(0, len(classes), DRAWN_TOGETHER)
    return np.concatenate(
        [draw(runtime, classes[start : start + DRAWN_TOGETHER], start + 1, guidance) for start in starts]
    )


def train_classifier(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], classes: int, epochs: int, seed: int
) -> nn.Module:
    """A small convolutional network for images (N, H, W) of 0 and 1."""
    torch.manual_seed(seed)
    height, width = images.shape[1:]
    network = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * (height // 4) * (width // 4), 64), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(64, classes),
    )  # fmt: skip
    steps = epochs * -(-len(images) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    generator = np.random.default_rng(seed)
    for _ in range(epochs):
        order = generator.permutation(len(images))
        for first in range(0, len(order), BATCH):
            index = order[first : first + BATCH]
            logits = network(_batch(images[index]))
            loss = nn.functional.cross_entropy(logits, torch.from_numpy(labels[index].astype(np.int64)))
            torch.autograd.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
    return network.eval()


@torch.inference_mode()
def classify(network: nn.Module, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The likeliest class of each image (N, H, W), (N,)."""
    parts = [network(_batch(images[first : first + BATCH])).argmax(1) for first in range(0, len(images), BATCH)]
    return torch.cat(parts).numpy()


def _batch(images: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(images).float().unsqueeze(1)
