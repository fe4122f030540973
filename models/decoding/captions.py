"""The most probable word at each step: how a captioner's answer is read off (greedy search)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.networks.captioner import Captioner

MAX_WORDS = 12
"""Of an answer; pictures of training have at most five."""


@dataclass(frozen=True)
class DecodedCaption:
    """Words as ids, the probability of each, and of each its attention weights (S,) over the picture's steps, which
    sum to 1."""

    ids: tuple[int, ...]
    probabilities: tuple[float, ...]
    attention: tuple[tuple[float, ...], ...]


@torch.inference_mode()
def describe(
    model: Captioner, pictures: Tensor, widths: Tensor, languages: Sequence[str], end_id: int
) -> list[DecodedCaption]:
    """Captions of pictures (B, 28, W) with widths (B,), each in its language.

    Raises ConfigError for a language not trained.
    """
    encoded, state = model.encode(pictures, widths)
    ids = torch.tensor([model.language_id(language) for language in languages])  # (B,)
    chosen: list[list[int]] = []
    probabilities: list[list[float]] = []
    attention: list[list[list[float]]] = []
    ended = torch.zeros(len(ids), dtype=torch.bool)
    while len(chosen) < MAX_WORDS and not ended.all():
        logits, weights, state = model.decode(ids.unsqueeze(1).to(pictures.device), encoded, state)
        best, ids = torch.softmax(logits[:, 0].float(), dim=-1).max(dim=-1)  # (B,) each
        ended = ended | (ids.cpu() == end_id)
        chosen.append(ids.tolist())
        probabilities.append(best.tolist())
        attention.append(weights[:, 0].tolist())
    steps = encoded.mask.sum(dim=1).tolist()
    captions = []
    for row in range(len(languages)):
        words = [step[row] for step in chosen]
        count = words.index(end_id) if end_id in words else len(words)
        captions.append(
            DecodedCaption(
                tuple(words[:count]),
                tuple(step[row] for step in probabilities[:count]),
                tuple(tuple(step[row][: steps[row]]) for step in attention[:count]),
            )
        )
    return captions
