"""Training a network that draws images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from models.batch import to_device
from models.config import Config, Range
from models.errors import DataError
from models.networks.pixel_rnn import PixelRNN
from trainer.data.store import IdArray
from trainer.evaluation.images import binarize, image_log_probabilities
from trainer.loop.trainer import Task


@dataclass(frozen=True)
class ImageTaskConfig(Config):
    """How images are batched."""

    batch_size: Annotated[int, Range(1, 100_000)] = 16
    """Images of a batch."""
    class_dropout: Annotated[float, Range(0.0, 1.0)] = 0.1
    """Share of the images whose class is not shown, so that the network also draws without a class."""
    scored_images: Annotated[int, Range(1, 100_000)] = 1000
    """The last so many training images are not trained on: they are scored at each evaluation."""


@dataclass(frozen=True)
class ImageBatch:
    """Indices of images, and the epoch, which seeds the binarization."""

    indices: IdArray
    epoch: int


@dataclass(frozen=True)
class DrawnImages:
    """Binary images (B, H, W) float32, and the classes (B,) that are shown with them."""

    pixels: Tensor
    classes: Tensor


class ImageTask(Task[ImageBatch, DrawnImages]):
    """Gray images and their classes; the metric is nats per scored image, given its class.

    A pixel is 1 with its gray value as the probability (Salakhutdinov and Murray 2008). Training draws anew each
    epoch; the scored images are drawn once.
    """

    metric = "nats_given_class"
    unit = "pixels"
    higher_is_better = False
    model: PixelRNN

    def __init__(
        self,
        model: PixelRNN,
        images: IdArray,
        classes: IdArray,
        config: ImageTaskConfig,
        seed: int,
    ) -> None:
        """images are (N, H, W) uint8, classes (N,). Raises DataError for too few, or of another size."""
        size = (model.config.height, model.config.width)
        if images.shape[1:] != size or len(images) <= config.scored_images:
            raise DataError(
                f"the training data are {len(images)} images of {images.shape[1:]} pixels; they must be more than "
                f"{config.scored_images} (scored_images), of {size} (height and width)"
            )
        self.model, self.config, self.seed = model, config, seed
        first = len(images) - config.scored_images
        self.images, self.classes = images[:first], classes[:first].astype(np.int64)
        self.scored_images = torch.from_numpy(binarize(images[first:]))
        self.scored_classes = torch.from_numpy(classes[first:].astype(np.int64))

    def batches(self, epoch: int) -> Sequence[ImageBatch]:
        order = np.random.default_rng([self.seed, epoch, 1]).permutation(len(self.images))
        size = self.config.batch_size
        return [ImageBatch(order[first : first + size], epoch) for first in range(0, len(order), size)]

    def parts(self, batch: ImageBatch, count: int) -> Sequence[DrawnImages]:
        # drawn before it is split, so that the images are the same in any number of parts
        generator = np.random.default_rng([self.seed, batch.epoch, 2, int(batch.indices[0])])
        gray = self.images[batch.indices]  # (B, H, W)
        pixels = torch.from_numpy((generator.random(gray.shape, np.float32) * 255 < gray).astype(np.float32))
        hidden = generator.random(len(gray)) < self.config.class_dropout
        classes = torch.from_numpy(np.where(hidden, self.model.no_class, self.classes[batch.indices]))
        size = -(-len(gray) // count)
        return [
            DrawnImages(*part) for part in zip(*(torch.split(whole, size) for whole in (pixels, classes)), strict=True)
        ]

    def targets(self, part: DrawnImages) -> int:
        return part.pixels.numel()

    def loss(self, part: DrawnImages) -> Tensor:
        device = self.model.embedding.weight.device
        pixels = to_device(part.pixels, device)
        logits = self.model(pixels, to_device(part.classes, device))
        return torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), pixels)

    def validate(self) -> dict[str, float]:
        scores = image_log_probabilities(self.model, self.scored_images, self.scored_classes)
        return {"nats_given_class": -scores.mean().item()}
