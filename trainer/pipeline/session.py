"""One run of the trainer: progress, a state from which a killed run resumes, and a checkpoint."""

import json
import platform
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from rich.console import Console

from models import checkpoint
from models.errors import DataError, TrainingError
from models.files import replacing, writing
from models.json_text import LARGEST, dumps, finite
from models.kinds import kind_named, kind_of
from models.model import Model
from models.text.known_words import KnownWords
from models.text.tokenizers import Tokenizer
from trainer.loop.distributed import World
from trainer.loop.trainer import Evaluation, Trainer
from trainer.pipeline.interruption import Interruption
from trainer.report.card import write_card
from trainer.report.plots import class_pictures, learning_curves
from trainer.report.progress import Display
from trainer.report.summary import duration
from trainer.report.tensorboard import Board
from trainer.tasks.training import Fit, Training

SAVE_EVERY_S = 300.0
STATE = "state.pt"
EXAMPLES = "examples.json"


@dataclass(frozen=True)
class Run:
    """The output folder of a run, and what its checkpoint records of the training."""

    output: Path
    languages: tuple[str, ...]
    command: str
    settings: Mapping[str, Any]
    data: Mapping[str, list[dict[str, str]]]
    data_note: str = ""
    limits: str = ""
    start: Mapping[str, str] = field(default_factory=dict)
    """Name and version of the checkpoint that the model was initialised from."""
    data_report: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the data that are read as another one."""
    known_words: KnownWords | None = None
    """Of a language model: the words of its training text."""

    @property
    def work(self) -> Path:
        return work_folder(self.output)


def train(
    run: Run,
    trainer: Trainer[Any, Any],
    tokenizer: Tokenizer,
    evaluate: Callable[[Model], dict[str, Any]],
    resume: bool,
    console: Console,
    board: Board | None = None,
    interruption: Interruption | None = None,
) -> dict[str, Any]:
    """Train, write a checkpoint of the best weights, and return its metrics.

    The checkpoint is rewritten at each evaluation that is better than all before. At the end it is loaded from
    the disk, as the service loads it, and evaluated for its metrics. With resume, a killed run continues from its
    last saved state. Of several processes the first one writes and prints. Raises DataError where there is no such
    state, or another run's, and CheckpointError where the disk refuses; the files on it are then whole. Raises
    TrainingError where training diverges, the checkpoint then being that of the best weights before, and Interrupted
    where a person stopped it, with its state saved.
    """
    log = _resume(run, trainer, console) if resume else []
    world, task = trainer.world, trainer.task
    saved = time.monotonic()
    _say_how_long(trainer, console)
    display = Display(
        console if world.is_first else Console(quiet=True),
        run.output.name, task.metric, task.unit, trainer.step, trainer.total_steps,
    )  # fmt: skip
    board = board or Board(None)
    board.begin(trainer.step)
    interruption = interruption or Interruption()

    def end() -> dict[str, Any]:
        # The log in the checkpoint ends at the best evaluation; the others are added now.
        checkpoint.replace_files(run.output, _log_files(run, task.metric, log))
        metrics = finish(run.output, evaluate, trainer.device)
        shutil.rmtree(run.work, ignore_errors=True)
        return metrics

    try:
        with display, closing(board), interruption.deferred():
            for record in trainer.run():
                display.show(record)
                board.show(record)
                if isinstance(record, Evaluation):
                    log.append(asdict(record))
                    if record.best:
                        world.decide(lambda: _write_checkpoint(run, trainer, tokenizer, log))
                due, stopped = _is_due(trainer, saved, interruption)
                if isinstance(record, Evaluation) or due or stopped:
                    state = trainer.state_dict()
                    world.decide(lambda state=state: _save_state(run, trainer, state, log))  # type: ignore[misc]
                    saved = time.monotonic()
                if stopped:
                    raise interruption.stop(_how_to_continue(run, trainer))
        return world.decide(end)
    except KeyboardInterrupt:
        raise interruption.stop(_how_to_continue(run, trainer)) from None
    except TrainingError as error:
        kept = world.decide(lambda: _keep_best(run, log, end))
        raise TrainingError(f"{error}{kept}") from None


def _say_how_long(trainer: Trainer[Any, Any], console: Console) -> None:
    """What the run will take at most; early stopping and other work on the machine change it."""
    left = trainer.total_steps - trainer.step
    seconds = trainer.seconds_per_step() if left > 0 else None
    if seconds is None:
        return
    on = "a GPU" if trainer.device.type == "cuda" else f"{torch.get_num_threads()} thread(s)"
    pace = f"{seconds:.2g} s a step" if seconds >= 0.1 else f"{1 / seconds:.0f} steps a second"
    console.print(
        f"{left:,} steps, about {duration(left * seconds)} at most without the evaluations ({pace} on {on})",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


def _how_to_continue(run: Run, trainer: Trainer[Any, Any]) -> str:
    stopped = f"stopped at step {trainer.step:,} of {trainer.total_steps:,}"
    if not has_state(run.output):
        return f"{stopped}, before anything was saved; start again with the same command"
    return f"{stopped}; to continue: the same command with --resume"


def _keep_best(run: Run, log: Sequence[Mapping[str, Any]], end: Callable[[], Any]) -> str:
    """After a run that diverged: finish the checkpoint of the best weights, if there is one; what to say of it.

    The state goes, because resuming from it would diverge again.
    """
    best = [record["step"] for record in log if record["best"]]
    if not best or not run.output.exists():
        shutil.rmtree(run.work, ignore_errors=True)
        return ""
    end()
    return f"; {run.output} has the best weights before, of step {best[-1]}"


def fit(
    run: Run,
    task: Fit,
    tokenizer: Tokenizer,
    evaluate: Callable[[Model], dict[str, Any]],
    world: World,
    console: Console,
) -> dict[str, Any]:
    """As `train`, for a model that is fitted in one call. Of several processes, the first one fits it."""

    def make() -> dict[str, Any]:
        started = time.monotonic()
        model, notes, line = task.fit()
        seconds = time.monotonic() - started
        console.print(f"{seconds:.1f} s; {line}", markup=False, highlight=False)
        training = {**_record(run, model, seconds, environment(torch.device("cpu"))), **notes}
        _save(run, model, {}, tokenizer, training, {})
        metrics = finish(run.output, evaluate, torch.device("cpu"))
        shutil.rmtree(run.work, ignore_errors=True)
        return metrics

    return world.decide(make)


def _is_due(trainer: Trainer[Any, Any], saved: float, interruption: Interruption) -> tuple[bool, bool]:
    """Whether the state is to be saved, and whether the run is to stop."""
    if trainer.world.size > 1 and trainer.step % 16:
        return False, False  # processes decide together, which costs a broadcast
    return trainer.world.decide(lambda: (time.monotonic() - saved > SAVE_EVERY_S, interruption.requested))


def finish(output: Path, evaluate: Callable[[Model], dict[str, Any]], device: torch.device) -> dict[str, Any]:
    """Evaluate the checkpoint on the disk, and write metrics.json and the card."""
    loaded = checkpoint.load(output, device)
    with torch.inference_mode():
        metrics = evaluate(loaded.model)
    write_metrics(loaded, output, metrics)
    return metrics


def write_metrics(loaded: checkpoint.Checkpoint, output: Path, metrics: Mapping[str, Any]) -> None:
    """Replace a checkpoint's metrics, the card that shows them, and its pictures."""
    card = _card(loaded, output, metrics, _read(output, checkpoint.QUALITY), _read(output, EXAMPLES))
    changes = {"metrics.json": checkpoint.to_json(metrics), "README.md": card.encode("utf-8")}
    training: Training = kind_named(loaded.kind).load_training()
    if training.pictures:
        changes |= training.pictures(loaded.model)
    before = [path.name for path in output.glob("evaluation-*.png")]
    if kind_named(loaded.kind).task == "classifier":
        for number, evaluation in enumerate(metrics["evaluations"], 1):
            picture = class_pictures(evaluation["scores"], f"{output.name} on {evaluation['data']['name']}")
            changes[f"evaluation-{number}.png"] = picture
    checkpoint.replace_files(output, changes, without=before)


def write_quality(loaded: checkpoint.Checkpoint, output: Path, quality: Mapping[str, Any]) -> None:
    """Add the calibrated estimate of quality to a translator's checkpoint, and its reliability to the card."""
    card = _card(loaded, output, loaded.metrics, quality, _read(output, EXAMPLES))
    checkpoint.replace_files(
        output, {checkpoint.QUALITY: checkpoint.to_json(quality), "README.md": card.encode("utf-8")}
    )


def write_examples(loaded: checkpoint.Checkpoint, output: Path, examples: Mapping[str, Any]) -> None:
    """Add examples of what a model answers to its checkpoint and its card."""
    card = _card(loaded, output, loaded.metrics, _read(output, checkpoint.QUALITY), examples)
    checkpoint.replace_files(output, {EXAMPLES: checkpoint.to_json(examples), "README.md": card.encode("utf-8")})


def write_known_words(
    loaded: checkpoint.Checkpoint, output: Path, known: KnownWords, record: Mapping[str, Any]
) -> None:
    """Add the words of its training text to a model, and the record of them to its config and card."""
    report = {**loaded.training.get("data_report", {}), "known_words": dict(record)}
    training = {**loaded.training, "data_report": report}
    config = {**json.loads((output / checkpoint.CONFIG).read_bytes()), "training": training}
    card = _card(
        replace(loaded, training=training), output, loaded.metrics,
        _read(output, checkpoint.QUALITY), _read(output, EXAMPLES),
    )  # fmt: skip
    changes = {
        checkpoint.CONFIG: checkpoint.to_json(config),
        checkpoint.KNOWN_WORDS: known.to_bytes(),
        "README.md": card.encode("utf-8"),
    }
    checkpoint.replace_files(output, changes)


def _card(
    loaded: checkpoint.Checkpoint,
    output: Path,
    metrics: Mapping[str, Any],
    quality: Mapping[str, Any] | None,
    examples: Mapping[str, Any] | None,
) -> str:
    return write_card(output.name, loaded.kind, loaded.languages, loaded.training, metrics, quality, examples)


def _read(output: Path, name: str) -> dict[str, Any] | None:
    """A JSON file of a checkpoint; None where it has none."""
    path = output / name
    content: dict[str, Any] | None = json.loads(path.read_bytes()) if path.exists() else None
    return content


def check_output(output: Path, resume: bool) -> None:
    """Raise DataError, before any data are read, where a run can't start at output, or be resumed there."""
    work = work_folder(output)
    if resume:
        if not (work / STATE).exists() and is_finished(output):
            raise DataError(f"{output}: this run has ended: there is nothing to resume")
        if not (work / STATE).exists():
            raise DataError(f"{work / STATE}: missing: no run to resume; if it was killed early, start it again")
    elif (work / STATE).exists():
        raise DataError(f"{work}: an unfinished run; continue it with --resume, or delete that folder")
    # An unfinished checkpoint beside a work folder without state: the run was killed before its first save.
    elif output.exists() and (is_finished(output) or not work.exists()):
        raise DataError(f"{output}: exists already; choose another --out, or delete it")


def is_finished(output: Path) -> bool:
    """Whether a run has ended there: then its checkpoint has been evaluated."""
    try:
        return bool(json.loads((output / "metrics.json").read_bytes())["evaluations"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def has_state(output: Path) -> bool:
    """Whether a run can be resumed there."""
    return (work_folder(output) / STATE).exists()


def forget(output: Path) -> None:
    """Delete the work folder of a run that never began to train."""
    if not has_state(output) and not output.exists():
        shutil.rmtree(work_folder(output), ignore_errors=True)


def work_folder(output: Path) -> Path:
    """Where an unfinished run is kept; gone when it is finished."""
    return output.with_name(output.name + ".training")


def _resume(run: Run, trainer: Trainer[Any, Any], console: Console) -> list[dict[str, Any]]:
    path = run.work / STATE
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        trainer.load_state_dict(state["trainer"])
        before, log = json.loads(state["environment"]), json.loads(state["log"])
    except (OSError, ValueError, KeyError, RuntimeError, UnpicklingError) as error:
        raise DataError(f"{path}: damaged ({error}); delete {run.work} and start the run again") from None
    now = environment(trainer.device, trainer.world.size)
    if before != now:
        console.print(
            f"warning: the run was started in a different environment ({before}, now {now}): "
            "the last digits of its results can differ",
            style="yellow", markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    records: list[dict[str, Any]] = log
    return records


def _save_state(run: Run, trainer: Trainer[Any, Any], state: Mapping[str, Any], log: list[dict[str, Any]]) -> None:
    surroundings = dumps(environment(trainer.device, trainer.world.size))
    content = {"trainer": state, "environment": surroundings, "log": dumps(log)}
    path = run.work / STATE
    hint = "; the run can be continued with --resume" if has_state(run.output) else ""
    with writing(path, hint):
        try:
            with replacing(path) as file:
                torch.save(content, file)
        except RuntimeError as error:  # PyTorch's writer has errors of its own where the file's write fails
            before = error.__context__
            raise before if isinstance(before, OSError) else OSError(None, "PyTorch's writer failed") from error


def _write_checkpoint(run: Run, trainer: Trainer[Any, Any], tokenizer: Tokenizer, log: list[dict[str, Any]]) -> None:
    model = trainer.task.model
    weights, notes = trainer.task.export(trainer.best_weights())
    surroundings = environment(trainer.device, trainer.world.size)
    training = {
        **_record(run, model, trainer.seconds, surroundings),
        "step": trainer.step,
        "total_steps": trainer.total_steps,
        **notes,
    }
    _save(run, model, weights, tokenizer, training, _log_files(run, trainer.task.metric, log))


def _record(run: Run, model: Model, seconds: float, surroundings: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint records of its training."""
    return {
        "command": run.command,
        "settings": dict(run.settings),
        "data": dict(run.data),
        "data_report": dict(run.data_report),
        "data_note": run.data_note,
        "limits": run.limits,
        "parameters": sum(tensor.numel() for tensor in model.state_dict().values()),
        "seconds": round(seconds, 1),
        "environment": dict(surroundings),
        **({"start": dict(run.start)} if run.start else {}),
        **({"labels": dict(run.labels)} if run.labels else {}),
    }


def _save(
    run: Run,
    model: Model,
    weights: Mapping[str, torch.Tensor],
    tokenizer: Tokenizer,
    training: Mapping[str, Any],
    extra: Mapping[str, bytes],
) -> None:
    card = write_card(run.output.name, kind_of(model).name, run.languages, training, {})
    nothing: dict[str, Any] = {"evaluations": []}
    if run.known_words:
        extra = {**extra, checkpoint.KNOWN_WORDS: run.known_words.to_bytes()}
    checkpoint.save(run.output, model, weights, tokenizer, run.languages, training, nothing, card, extra)


def _log_files(run: Run, metric: str, log: list[dict[str, Any]]) -> dict[str, bytes]:
    """With null for perplexities that no number of JSON holds well, as the service shows them."""
    lines = [dumps(finite(record, LARGEST), ensure_ascii=True) + "\n" for record in log]
    return {
        "log.jsonl": "".join(lines).encode("utf-8"),
        "curves.png": learning_curves(log, metric, run.output.name),
    }


def environment(device: torch.device, processes: int = 1) -> dict[str, Any]:
    """The machine and the versions that a run depends on."""
    if device.type == "cuda":
        machine = f"{torch.cuda.get_device_name(device)} (CUDA {torch.version.cuda})"
    else:
        best = torch.backends.cpu.get_cpu_capability()
        machine = f"{torch.get_num_threads()} thread(s) of a {platform.machine()} CPU with {best}"
    if processes > 1:
        machine = f"{processes} processes, each on {machine}"
    packages = ("torch", "numpy", "sentencepiece", "carousel-lstm")
    return {
        "machine": machine,
        "system": platform.system(),
        "versions": {"python": platform.python_version(), **{p: version_of(p) for p in packages}},
    }


def version_of(package: str) -> str:
    """The version of a package that is installed, in words where it is not."""
    try:
        return version(package)
    except PackageNotFoundError:  # Carousel itself, from a checkout that is not installed
        return "not installed"
