"""What the siege asks of a model of every kind, and a checkpoint of each."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.http.schemas.describe import EXAMPLE
from models.kinds import KINDS

RECORDING = "/transcribe"
"""The route whose body is a file; its options are in the query."""
BODIES: dict[str, dict[str, Any]] = {
    "/next-word-probs": {"text": "once upon a time there was"},
    "/generate": {"prompt": "once upon a time", "max_new_tokens": 24, "seed": 1},
    "/classify": {"text": ["a wonderful film", "a dull and long film"]},
    "/translate": {"text": "I would like to buy a ticket.", "target": "tr"},
    "/summarize": {"text": "We present a tool that shows the attention of a recurrent translator, word by word."},
    "/draw": {"prompt": "seven", "seed": 1},
    "/describe": {"image": EXAMPLE},
    "/speak": {"text": "three seven one", "seed": 1},
    "/inspect": {"text": "once upon a time", "model": "language-en"},
}
PATHS = (*BODIES, RECORDING)
SMALL = {
    "language": "/next-word-probs", "classifier": "/classify", "translator": "/translate", "summarizer": "/summarize",
    "image": "/draw", "captioner": "/describe", "recognizer": RECORDING, "speaker": "/speak",
}  # fmt: skip
"""By task, the route of its small requests."""


def path_of(kind: str) -> str:
    """The route that a model of a kind answers."""
    return SMALL[KINDS[kind].task]


def copy_of(kind: str, shipped: Path, folder: Path) -> Path:
    """A checkpoint of a kind in a folder: a copy of the first shipped one; where there is none, an untrained one."""
    from models import checkpoint, peek  # noqa: PLC0415 (the other scenarios load no models)

    for path in sorted(shipped.iterdir()):
        if (path / checkpoint.CONFIG).exists() and peek.peek(path).kind == kind:
            return Path(shutil.copytree(path, folder / path.name))
    tokenizer = checkpoint.load(shipped / "language-en").tokenizer
    model, out = UNTRAINED[kind](tokenizer.size), folder / kind
    training = {"command": "", "settings": {}, "data": {"train": [], "valid": []}, "parameters": 0, "step": 0,
                "total_steps": 0, "seconds": 0.0, "environment": {"machine": "", "versions": {}}}  # fmt: skip
    metrics: dict[str, Any] = {"evaluations": []}
    checkpoint.save(out, model, dict(model.named_parameters()), tokenizer, ("en",), training, metrics, "# Untrained\n")
    return out


def _transformer(vocabulary: int) -> Any:
    from models.networks.transformer import Transformer, TransformerConfig  # noqa: PLC0415

    config = TransformerConfig(vocabulary, embedding=64, layers=2, heads=2, feedforward=128, context=64)
    return Transformer(config)


def _bag(vocabulary: int) -> Any:
    from models.counted.bag_of_words import Bag, BagConfig  # noqa: PLC0415

    return Bag(BagConfig(vocabulary, ("negative", "positive")))


UNTRAINED: dict[str, Callable[[int], Any]] = {"transformer": _transformer, "bag": _bag}
"""Of each kind that no shipped checkpoint is of, an untrained model for a size of vocabulary."""
