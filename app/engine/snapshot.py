"""Snapshots: what the continuation of a text depends on, as a value that can leave the process."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from app.catalog.registry import Served
from app.errors import Conflict
from models.runtime.interface import LanguageRuntime
from models.runtime.state import State


@dataclass(frozen=True)
class SamplingState:
    """The state of a generation beside the model's: `steps` tokens have been sampled with the seed.

    Their text may end in characters that were not handed out: held_text, with which a stop string could begin, and
    held_bytes, of a character that is not complete. visible says whether the text, which has not ended yet, has a
    visible character.
    """

    seed: int
    steps: int
    held_text: str = ""
    held_bytes: bytes = b""
    visible: bool = False


@dataclass(frozen=True)
class Snapshot:
    """All that the continuation of a text depends on.

    state is a packed State of one row. ids, at least one, come after it and have not been read; text comes after
    those: a word that may still grow, so that its ids are not final. seen is a bitmap of the ids in the text. model,
    version and precision identify the model: the numbers mean nothing to another one.
    """

    model: str
    version: str
    precision: str
    state: bytes = field(repr=False)
    ids: tuple[int, ...] = field(repr=False)
    text: str = field(repr=False)
    seen: bytes = field(repr=False)
    sampling: SamplingState | None = None


def take_snapshot(
    served: Served, state: State, ids: Iterable[int], text: str, seen: bytes, sampling: SamplingState | None = None
) -> Snapshot:
    """A snapshot of a text that a model has read."""
    loaded, precision = served.checkpoint, served.runtime.precision
    return Snapshot(loaded.name, loaded.version, precision, state.pack(), tuple(ids), text, seen, sampling)


def check_snapshot(snapshot: Snapshot, served: Served) -> None:
    """Raise Conflict unless a snapshot is of this very model, a language model."""
    if snapshot.version != served.checkpoint.version:
        raise Conflict("the state is of another model, or of another version of it", "state")
    if snapshot.precision != served.runtime.precision:
        detail = f"the state is of a model in {snapshot.precision}; this one runs in {served.runtime.precision}"
        raise Conflict(detail, "state")
    runtime: LanguageRuntime = served.runtime  # type: ignore[assignment]
    if len(snapshot.state) != runtime.start(1).row_bytes:
        raise Conflict("the state is of another version of this service", "state")


def to_bitmap(ids: Iterable[int], size: int) -> bytes:
    """A bit for each id below size."""
    bits = np.zeros(size, np.uint8)
    bits[list(ids)] = 1
    return np.packbits(bits).tobytes()


def from_bitmap(bitmap: bytes) -> list[int]:
    ids: list[int] = np.flatnonzero(np.unpackbits(np.frombuffer(bitmap, np.uint8))).tolist()
    return ids
