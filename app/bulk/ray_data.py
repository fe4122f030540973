"""Answers parts through Ray Data: each actor has models and an engine of its own, and one core.

Inputs, checkpoints and the run's folder must be at the same paths on every node. An actor reads the files itself and
writes the parts that it has answered, so that neither rows nor answers go through the driver.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.bulk import local
from app.bulk.answering import Answerer
from app.bulk.folder import RunFolder
from app.bulk.plan import LIMITS, Part
from app.bulk.sources import Reader, Source
from app.errors import ServiceError
from app.settings import Settings

LOCAL = "local"
PASSED_ON = (*LIMITS, "bad_checkpoints", "defaults", "device", "max_batch_rows", "models", "precision")
"""The settings that an actor needs: no keys are among them."""
MAX_BLOCKS = 1000


@dataclass(frozen=True)
class Work:
    """What all actors need."""

    task: str
    options: Mapping[str, Any]
    seed: int
    settings: Settings
    folder: Path
    sources: Sequence[Source]

    def arguments(self) -> dict[str, Any]:
        settings = {name: getattr(self.settings, name) for name in PASSED_ON}
        settings |= {"checkpoints": self.settings.checkpoints.resolve(), "threads": 1}
        return {
            "task": self.task,
            "options": dict(self.options),
            "seed": self.seed,
            "settings": settings,
            "folder": self.folder,
            "sources": list(self.sources),
        }


class PartAnswerer:
    """An actor."""

    def __init__(
        self,
        task: str,
        options: Mapping[str, Any],
        seed: int,
        settings: Mapping[str, Any],
        folder: Path,
        sources: Sequence[Source],
    ) -> None:
        self._answerer = Answerer(task, options, Settings(**settings), seed)
        self._answerer.start()
        self._folder, self._reader = RunFolder(folder), Reader(sources)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """batch has the fields of parts, each in an array; they are returned when the parts are written."""
        for values in zip(*batch.values(), strict=True):
            part = Part(**dict(zip(batch, map(int, values), strict=True)))
            local.answer_part(self._answerer, self._reader, self._folder, part)
        return batch


def answer(work: Work, parts: Sequence[Part], address: str, actors: int, advance: Callable[[int], None]) -> None:
    """Answer parts on a cluster. Raises ServiceError where Ray is not installed, or can't be reached."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray  # noqa: PLC0415 (an extra)
        import ray.data  # noqa: PLC0415
    except ImportError:
        raise ServiceError("Ray is an extra: pip install 'carousel-lstm[ray]'") from None
    try:
        ray.init(
            address=None if address == LOCAL else address,
            include_dashboard=False if address == LOCAL else None,
            log_to_driver=False,
            logging_level="ERROR",
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ServiceError(f"Ray at {address!r}: {error}") from None
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        blocks = min(len(parts), MAX_BLOCKS)
        dataset = ray.data.from_items([asdict(part) for part in parts], override_num_blocks=blocks)
        size = actors or int(ray.cluster_resources().get("CPU", 1))
        answered = dataset.map_batches(
            PartAnswerer,
            fn_constructor_kwargs=work.arguments(),
            batch_size=1,
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(size=min(size, len(parts))),
        )
        for part in answered.iter_rows():
            advance(int(part["stop"] - part["start"]))
    finally:
        ray.shutdown()
