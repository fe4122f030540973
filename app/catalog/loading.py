"""Loading the checkpoints of a folder, at the start and at each reload."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import torch

from app.catalog.defaults import USES, check_named
from app.catalog.folder import checkpoint_paths, refusal
from app.catalog.registry import Registry, Served, serve
from app.telemetry.logs import get_logger
from models import checkpoint
from models.checkpoint_files import WEIGHTS
from models.errors import CheckpointError
from models.kinds import KINDS
from models.peek import peek_kind
from models.runtime.build import choose_precision

log = get_logger(__name__)
MAX_THREADS = 8


@dataclass(frozen=True)
class Choice:
    """Which checkpoints of a folder are loaded, how, and which of them answer by default.

    names are those to load, all if empty; defaults are CAROUSEL_DEFAULTS. Where skip_bad is set, a checkpoint that
    can't be trusted is left out; else it is an error.
    """

    folder: Path
    names: Sequence[str] = ()
    precision: str = "auto"
    threads: int = 0
    defaults: Mapping[str, str] = field(default_factory=dict)
    skip_bad: bool = False


def load_models(choice: Choice, device: torch.device, task: str | None = None) -> Registry:
    """Load the chosen checkpoints; with a task, only those that answer it.

    Raises CheckpointError for one that can't be trusted, or where there is none, and ServiceError for a default that
    is named and can't be one.
    """
    paths = checkpoint_paths(choice.folder, choice.names)
    defaults = choice.defaults
    if task is not None:
        paths = [path for path in paths if _task_of(path, choice) == task]
        defaults = {use: name for use, name in defaults.items() if use.split(":")[0] == USES.get(task)}
    log.info("loading", folder=str(choice.folder), models=[path.name for path in paths])
    models, refused = _load(paths, choice, device, of_kind=f" of the kind {task}" if task else "")
    check_named(models, defaults, refused)
    registry = Registry(models, device, defaults, refused)
    log_defaults(registry)
    return registry


def reload_models(registry: Registry, choice: Choice) -> list[str]:
    """Serve what a start would serve now, in the same order; return the names of what is new or has changed.

    A model whose directory is gone is no longer served; where skip_bad is set, one whose checkpoint can't be trusted
    any more stays as it is. Raises what `load_models` does, having changed nothing.
    """
    paths = checkpoint_paths(choice.folder, choice.names)
    before = registry.models
    models, refused = _load(paths, choice, registry.device, before)
    served = {one.name: one for one in models}
    in_order = [served.get(path.name) or before[path.name] for path in paths if path.name in before | served]
    check_named(in_order, choice.defaults, refused)
    registry.replace(in_order, refused)
    log_defaults(registry)
    return [name for name, one in served.items() if one is not before.get(name)]


def log_defaults(registry: Registry) -> None:
    """Warn of each use for which several models could be the default, and none is named."""
    for default in registry.defaults.values():
        if default.chosen_by == "order":
            hint = f"CAROUSEL_DEFAULTS={default.use}=NAME, or `carousel default NAME`"
            log.warning("default_not_named", use=default.use, model=default.model, others=default.others, hint=hint)


def _load(
    paths: Sequence[Path],
    choice: Choice,
    device: torch.device,
    before: Mapping[str, Served] | None = None,
    of_kind: str = "",
) -> tuple[list[Served], dict[str, str]]:
    """The models of checkpoints that can be trusted, and why the others can't.

    A model of before whose checkpoint has not changed is returned as it is.
    """
    if not paths:
        raise CheckpointError(f"{choice.folder}: no checkpoint{of_kind} in it; train one with carousel-train")
    precision = choose_precision(choice.precision, device)

    def load(path: Path) -> Served:
        loaded = checkpoint.load(path, device)
        served = (before or {}).get(path.name)
        if served is not None and served.checkpoint.version == loaded.version:
            return served
        return serve(loaded, precision, choice.threads)

    models: list[Served] = []
    refused: dict[str, str] = {}
    threads = _threads(device)
    try:
        # the largest first, so that none of them is left for one thread at the end
        futures = {path: threads.submit(load, path) for path in sorted(paths, key=_weight, reverse=True)}
        for path in dict.fromkeys(paths):
            try:
                models.append(futures[path].result())
            except CheckpointError as error:
                if not choice.skip_bad:
                    raise
                refused[path.name] = refusal(choice.folder, error)
                log.warning("checkpoint_refused", model=path.name, reason=str(error))
    finally:
        threads.shutdown(cancel_futures=True)
    if not models:
        raise CheckpointError(f"{choice.folder}: no checkpoint that can be served: {next(iter(refused.values()))}")
    return models, refused


def _weight(path: Path) -> int:
    """Bytes of a checkpoint's weights; 0 where it has none, of which `checkpoint.load` says more."""
    try:
        return (path / WEIGHTS).stat().st_size
    except OSError:
        return 0


def _threads(device: torch.device) -> ThreadPoolExecutor:
    """Most of loading and of quantizing happens outside Python; on a GPU one model comes after the other."""
    return ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_THREADS) if device.type == "cpu" else 1, "loading")


def _task_of(path: Path, choice: Choice) -> str:
    """The task that a checkpoint's kind answers; empty for a kind that is not registered, or a bad one to skip."""
    try:
        kind = KINDS.get(peek_kind(path))
    except CheckpointError:
        if not choice.skip_bad:
            raise
        return ""
    return kind.task if kind else ""
