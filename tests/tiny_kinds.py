"""An untrained or counted model of each kind that the tiny checkpoints of all tests lack."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from app.catalog.registry import Served
from app.catalog.registry import serve as serve_model
from models import checkpoint
from models.counted.ngram import METHODS, Ngram
from models.networks.captioner import Captioner, CaptionerConfig
from models.networks.transformer import Transformer, TransformerConfig
from models.text.digits import DIGITS
from models.text.tokenizers import SubwordTokenizer, WordTokenizer
from tests.conftest import SENTENCES, save_tiny
from tests.sounds import save_tiny_recognizer, save_tiny_speaker
from tests.tiny_images import tiny_pixel_rnn
from trainer.tasks.bag_of_words import fit
from trainer.tasks.configs import BaggingConfig

FURTHER = {
    "ngram": "pairs", "bag": "words", "image": "digits", "captioner": "lines", "recognizer": "numbers",
    "transformer": "window", "speaker": "digits-speaker",
}  # fmt: skip
"""Their names, by kind."""


def further(folder: Path, tokenizer: SubwordTokenizer) -> Sequence[Served]:
    """Save them in a folder, and load them."""
    ids = [tokenizer.encode(text) for text in SENTENCES[:4]]
    stream = np.array([0, *(token for text in ids for token in (*text, 0))])
    save_tiny(folder / "pairs", Ngram.count(stream, 2, tokenizer.size, 0, METHODS[0]), tokenizer, "en")
    bag = fit(ids, ["good", "good", "bad", "bad"], tokenizer.size, BaggingConfig(1, 1))
    save_tiny(folder / "words", bag, tokenizer, "en")
    save_tiny(folder / "digits", tiny_pixel_rnn(tokenizer.size, 28, 28), tokenizer, "en")
    torch.manual_seed(6)
    names: Any = WordTokenizer([WordTokenizer.END, WordTokenizer.UNKNOWN, *DIGITS["en"]])
    captioner = Captioner(CaptionerConfig(names.size, ("en",), channels=2, hidden=12, embedding=6))
    save_tiny(folder / "lines", captioner, names, "en")
    save_tiny_recognizer(folder / "numbers")
    save_tiny_speaker(folder / "digits-speaker")
    config = TransformerConfig(tokenizer.size, embedding=8, layers=2, heads=2, feedforward=12, context=16)
    save_tiny(folder / "window", Transformer(config), tokenizer, "en")
    return [serve_model(checkpoint.load(folder / name), "float32") for name in FURTHER.values()]
