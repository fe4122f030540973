"""What a checkpoint says of itself, without PyTorch and without verifying its checksums."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.checkpoint_files import CONFIG, MANIFEST, WEIGHTS, parse_json, read
from models.errors import CheckpointError
from models.tasks import TASKS

HEADER_BYTES = 8
"""A safetensors file begins with the length of its JSON header, a little-endian integer of this size."""
MAX_HEADER = 100_000_000
"""As safetensors itself limits it."""


@dataclass(frozen=True)
class Peeked:
    """The entries of a checkpoint's list; directions are a translator's, (source, target)."""

    name: str
    kind: str
    languages: tuple[str, ...]
    directions: tuple[tuple[str, str], ...]
    default: bool
    parameters: int
    size_bytes: int

    @property
    def task(self) -> str:
        """What it answers; its kind for one that is not shipped."""
        return TASKS.get(self.kind, self.kind)


def peek(directory: Path) -> Peeked:
    """Read a checkpoint's manifest, config and the header of its weights. Raises CheckpointError."""
    config = parse_json(directory / CONFIG, read(directory / CONFIG))
    manifest = parse_json(directory / MANIFEST, read(directory / MANIFEST))
    try:
        return Peeked(
            name=directory.name,
            kind=str(config["kind"]),
            languages=tuple(str(language) for language in config["languages"]),
            directions=tuple((str(source), str(target)) for source, target in _directions(config)),
            default=config.get("default") is True,
            parameters=_parameters(directory / WEIGHTS),
            size_bytes=sum(int(entry["bytes"]) for entry in manifest["files"].values()),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{directory}: not a checkpoint's {CONFIG} and {MANIFEST}: {error}") from None


def _directions(config: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Of a translator; a summarizer's network has one too, from its language to itself."""
    return config["model"].get("directions", ()) if TASKS.get(config["kind"]) == "translator" else ()


def peek_kind(directory: Path) -> str:
    """The kind that config.json names, before anything is verified. Raises CheckpointError."""
    return str(parse_json(directory / CONFIG, read(directory / CONFIG)).get("kind"))


def _parameters(path: Path) -> int:
    """Number of numbers in a safetensors file, by its header. Raises CheckpointError."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(HEADER_BYTES), "little")
            header: dict[str, Any] = json.loads(file.read(min(length, MAX_HEADER)))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: missing") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: not safetensors: {error}") from None
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
