"""One run of the trainer: progress on the screen, a state that survives a kill, a checkpoint at the end."""

import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from models import checkpoint
from models.checkpoint import Model
from models.classifier import Classifier
from models.errors import CheckpointError, DataError
from models.language_model import LanguageModel
from models.tokenizer import Tokenizer
from models.training.card import write_card
from models.training.display import Display
from models.training.loop import Evaluation, Trainer
from models.training.plots import learning_curves
from models.translator import Translator

SAVE_EVERY_S = 300.0
STATE = "state.pt"


@dataclass(frozen=True)
class Run:
    """What a checkpoint is called and remembers of its training, beside weights and scores."""

    output: Path
    languages: tuple[str, ...]
    command: str
    settings: Mapping[str, Any]
    data: Mapping[str, list[dict[str, str]]]
    data_note: str = ""
    limits: str = ""
    one_way: bool = False

    @property
    def work(self) -> Path:
        return work_folder(self.output)


def train(
    run: Run,
    trainer: Trainer[Any],
    tokenizer: Tokenizer,
    evaluate: Callable[[Model], dict[str, Any]],
    resume: bool,
    console: Console,
) -> dict[str, Any]:
    """Train, and leave a checkpoint of the best weights; return its metrics.

    The checkpoint is rewritten whenever validation finds better weights. At the end it is loaded
    from the disk, as a service would, and evaluate's scores of it become its metrics. With resume,
    a run that was killed goes on from its last saved state. Raises DataError where there is no such
    state, or another run's.
    """
    log = _resume(run, trainer) if resume else _begin(run)
    saved = time.monotonic()
    task = trainer.task
    with Display(console, run.output.name, task.metric, task.unit, trainer.step, trainer.total_steps) as display:
        for record in trainer.run():
            display.show(record)
            if isinstance(record, Evaluation):
                log.append(asdict(record))
                if record.best:
                    _write_checkpoint(run, trainer, tokenizer, trainer.best_weights(), log)
            if isinstance(record, Evaluation) or time.monotonic() - saved > SAVE_EVERY_S:
                _save_state(run, trainer, log)
                saved = time.monotonic()
    metrics = finish(run.output, evaluate, trainer.device)
    shutil.rmtree(run.work)
    return metrics


def finish(output: Path, evaluate: Callable[[Model], dict[str, Any]], device: torch.device) -> dict[str, Any]:
    """Measure the checkpoint as it lies on the disk, and write metrics.json and the card."""
    loaded = checkpoint.load(output, device)
    with torch.inference_mode():
        metrics = evaluate(loaded.model)
    write_metrics(loaded, output, metrics)
    return metrics


def write_metrics(loaded: checkpoint.Checkpoint, output: Path, metrics: Mapping[str, Any]) -> None:
    """Replace a checkpoint's metrics, and the card that shows them."""
    card = write_card(output.name, loaded.kind, loaded.languages, loaded.training, metrics)
    changes = {"metrics.json": checkpoint.to_json(metrics), "README.md": card.encode("utf-8")}
    checkpoint.replace_files(output, changes)


def check_output(output: Path, resume: bool) -> None:
    """Raise DataError, before anything is read, where a run can't begin at output, or be resumed there."""
    work = work_folder(output)
    if resume:
        if not (work / STATE).exists():
            raise DataError(f"{work / STATE}: missing: no run to resume; if it was killed early, start it again")
    elif (work / STATE).exists():
        raise DataError(f"{work}: an unfinished run; go on with --resume, or delete that folder")
    elif output.exists() and not work.exists():  # with it, the output is that of a run killed before its first save
        raise DataError(f"{output}: exists already; choose another --out, or delete it")


def work_folder(output: Path) -> Path:
    """Where an unfinished run is kept; gone when it is finished."""
    return output.with_name(output.name + ".training")


def _begin(run: Run) -> list[dict[str, Any]]:
    try:
        run.work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"{run.work}: can't be made: {error}") from None
    return []


def _resume(run: Run, trainer: Trainer[Any]) -> list[dict[str, Any]]:
    path = run.work / STATE
    state = torch.load(path, map_location="cpu", weights_only=True)
    for field in ("settings", "languages", "one_way", "data"):
        if state[field] != _fingerprint(getattr(run, field)):
            raise DataError(f"{path}: the run to resume has other {field}: {state[field]}")
    trainer.load_state_dict(state["trainer"])
    log: list[dict[str, Any]] = json.loads(state["log"])
    return log


def _save_state(run: Run, trainer: Trainer[Any], log: list[dict[str, Any]]) -> None:
    state = {
        "trainer": trainer.state_dict(),
        "log": json.dumps(log),
        "settings": _fingerprint(run.settings),
        "languages": _fingerprint(run.languages),
        "one_way": _fingerprint(run.one_way),
        "data": _fingerprint(run.data),
    }
    partial = run.work / f"{STATE}.partial"
    try:
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(run.work / STATE)
    except OSError as error:
        raise CheckpointError(f"{partial}: can't be written: {error}") from error


def _fingerprint(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _write_checkpoint(
    run: Run, trainer: Trainer[Any], tokenizer: Tokenizer, weights: Mapping[str, Tensor], log: list[dict[str, Any]]
) -> None:
    model = trainer.task.model
    assert isinstance(model, LanguageModel | Classifier | Translator)
    training = {
        "command": run.command,
        "settings": dict(run.settings),
        "data": dict(run.data),
        "data_note": run.data_note,
        "limits": run.limits,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "step": trainer.step,
        "total_steps": trainer.total_steps,
        "seconds": round(trainer.seconds, 1),
        "environment": environment(trainer.device),
    }
    kind = next(kind for kind, (_, module) in checkpoint.KINDS.items() if isinstance(model, module))
    card = write_card(run.output.name, kind, run.languages, training, {})
    extra = {
        "log.jsonl": "".join(json.dumps(record) + "\n" for record in log).encode("utf-8"),
        "curves.png": learning_curves(log, trainer.task.metric, run.output.name),
    }
    checkpoint.save(
        run.output,
        model,
        weights,
        tokenizer,
        run.languages,
        training,
        {"evaluations": []},
        card,
        extra,
    )


def environment(device: torch.device) -> dict[str, Any]:
    """The machine and the versions that a run depends on."""
    if device.type == "cuda":
        machine = torch.cuda.get_device_name(device)
    else:
        machine = f"{torch.get_num_threads()} thread(s) of a {platform.machine()} CPU"
    packages = ("torch", "sentencepiece", "carousel-lstm")
    return {"machine": machine, "versions": {"python": platform.python_version(), **{p: version(p) for p in packages}}}
