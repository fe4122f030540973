"""Served models without their weights: what an HTTP process needs to resolve requests, and to format replies."""

from dataclasses import asdict
from typing import Any, cast

from app.catalog.registry import Served
from app.processes.messages import Description
from models.checkpoint import Checkpoint
from models.kinds import AnyRuntime, kind_named
from models.text.tokenizers import load_tokenizer


class RuntimeElsewhere:
    """Stands for a runtime that another process has: only its precision is known here."""

    def __init__(self, precision: str) -> None:
        self.precision = precision


def describe(served: Served) -> Description:
    loaded, tokenizer = served.checkpoint, served.tokenizer
    return Description(
        name=loaded.name,
        kind=loaded.kind,
        languages=loaded.languages,
        config=asdict(cast(Any, loaded.model.config)),
        tokenizer=tokenizer.to_bytes(),
        tokenizer_kind=tokenizer.kind,
        lowercase=tokenizer.lowercase,
        emoji=tokenizer.emoji,
        training=dict(loaded.training),
        metrics=dict(loaded.metrics),
        card=loaded.card,
        version=loaded.version,
        checksum=loaded.checksum,
        size_bytes=loaded.size_bytes,
        log=tuple(dict(entry) for entry in loaded.log),
        default=loaded.default,
        precision=served.runtime.precision,
    )


def served_from(description: Description) -> Served:
    """The model with parameters on PyTorch's meta device, which have shapes and no numbers."""
    kind = kind_named(description.kind)
    # made on the CPU and moved: to make it there would import TorchDynamo, which takes two seconds
    model = kind.model(kind.config(**description.config)).to("meta").eval()
    checkpoint = Checkpoint(
        name=description.name,
        kind=description.kind,
        languages=description.languages,
        tokenizer=load_tokenizer(
            description.tokenizer_kind, description.tokenizer, description.lowercase, description.emoji
        ),
        model=model,
        training=description.training,
        metrics=description.metrics,
        card=description.card,
        version=description.version,
        checksum=description.checksum,
        size_bytes=description.size_bytes,
        log=description.log,
        default=description.default,
    )
    return Served(checkpoint, cast(AnyRuntime, RuntimeElsewhere(description.precision)))
