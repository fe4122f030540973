"""The runtime of a recognizer."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from models.decoding.ctc import Peak, best_path
from models.networks.recognizer import Recognizer

QUIET = 0.003
"""Of a word's loudest frame: where it is softer, the word has not begun, or has ended."""


@dataclass(frozen=True)
class HeardWord:
    """A word's id, its start and end in seconds, where CTC's output peaks, and its probability there."""

    id: int
    start: float
    end: float
    peak: float
    probability: float


class FloatRecognizer:
    """A Recognizer's module in float32, one recording at a time: exact, since nothing depends on other recordings."""

    precision, exact = "float32", True

    def __init__(self, model: Recognizer) -> None:
        self.model, self.device = model, model.head.weight.device

    def recognize(self, wave: NDArray[np.float32]) -> list[HeardWord]:
        """The words of samples (N,) at the model's rate."""
        spectrum = self.model.spectrum
        power = spectrum.power(torch.from_numpy(wave).to(self.device))  # (T, F)
        logs, _ = self.model(power.unsqueeze(0), torch.tensor([len(power)], device=self.device))
        loudness = power.sum(dim=1).cpu().numpy()
        return self._timed(best_path(logs[0].cpu().numpy()), loudness)

    def _timed(self, peaks: list[Peak], loudness: NDArray[np.float32]) -> list[HeardWord]:
        """Words with their times. CTC says where it heard a word, not how long that is, so loudness (T,) decides.

        A word lies between the middles to its neighbours, from the first frame that is not quiet to the last.
        """
        if not peaks:
            return []
        stride, seconds = self.model.config.stride, self.model.config.hop / self.model.config.sample_rate
        centers = [(peak.start + peak.end - 1) / 2 * stride for peak in peaks]
        middles = [round((left + right) / 2) for left, right in pairwise(centers)]
        words = []
        for peak, center, first, last in zip(peaks, centers, [0, *middles], [*middles, len(loudness)], strict=True):
            own = loudness[first : max(last, first + 1)]
            loud = np.flatnonzero(own >= own.max() * QUIET) + first
            words.append(
                HeardWord(
                    peak.id,
                    float(loud[0] * seconds),
                    float((loud[-1] + 1) * seconds),
                    float(center * seconds),
                    peak.probability,
                )
            )
        return words
