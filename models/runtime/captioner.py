"""The runtime of a captioner."""

import torch
from torch import Tensor

from models.decoding.captions import DecodedCaption, describe
from models.networks.captioner import Captioner


class FloatCaptioner:
    """A Captioner's module in float32, one picture at a time: exact, since nothing depends on other pictures."""

    precision, exact = "float32", True

    def __init__(self, model: Captioner) -> None:
        self.model, self.device = model, model.head.weight.device

    def describe(self, picture: Tensor, language: str, end_id: int) -> DecodedCaption:
        """The caption of a picture (28, W), W a multiple of 4. Raises ConfigError for a language not trained."""
        width = torch.tensor([picture.shape[1]], device=self.device)
        return describe(self.model, picture.to(self.device).unsqueeze(0), width, [language], end_id)[0]
