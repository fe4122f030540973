"""What servers A and B take from this project: checkpoints, as float32 modules."""

import os
from pathlib import Path

import torch
from torch import Tensor

from models import checkpoint
from models.batch import pad
from models.checkpoint import Checkpoint
from models.device import choose_device
from models.networks.classifier import Classifier
from models.networks.language_model import LanguageModel
from models.networks.recurrent import RecurrentState
from models.text.tokenizers import Tokenizer


def load(directory: Path) -> Checkpoint:
    """A checkpoint in float32, on the device that CAROUSEL_DEVICE names (so that all servers use the same one)."""
    return checkpoint.load(directory, choose_device(os.environ.get("CAROUSEL_DEVICE", "auto")))


def language(loaded: Checkpoint) -> tuple[LanguageModel, Tokenizer]:
    assert isinstance(loaded.model, LanguageModel)
    return loaded.model, loaded.tokenizer


def read(loaded: Checkpoint, text: str) -> tuple[Tensor, RecurrentState]:
    """The logits (V,) after a text, and the state."""
    model, tokenizer = language(loaded)
    ids = torch.tensor([[tokenizer.end_id, *tokenizer.encode(text)]], device=model.bias.device)  # (1, T)
    logits, state = model(ids)  # (1, T, V)
    return logits[0, -1], state


def class_scores(loaded: Checkpoint, text: str) -> dict[str, float]:
    """Each label's probability."""
    model = loaded.model
    assert isinstance(model, Classifier)
    batch = pad([loaded.tokenizer.encode(text) or [loaded.tokenizer.end_id]]).to(model.head.weight.device)
    probabilities = torch.softmax(model(batch.ids, batch.lengths)[0], dim=-1).tolist()  # (C,)
    return dict(zip(model.config.labels, probabilities, strict=True))
