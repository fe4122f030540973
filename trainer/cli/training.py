"""The commands that train models: one for each kind, from one declaration of their options."""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.device import choose_device
from models.errors import DataError, ModelError
from models.kinds import Kind
from models.tables.lines import TextFormat
from trainer.cli import options
from trainer.loop.distributed import World
from trainer.pipeline.interruption import Interruption
from trainer.pipeline.plan import Request
from trainer.pipeline.steps import Context, run
from trainer.tasks.training import Training

Option = tuple[Any, Any]
"""Its annotation and its default."""
DATA: dict[str, Option] = {
    "out": (options.Output, inspect.Parameter.empty),
    "train": (options.Train, None),
    "valid": (options.Valid, None),
    "encoding": (options.Encoding, "utf-8"),
    "delimiter": (options.Delimiter, ""),
    "recipe": (options.RecipeName, ""),
    "assignments": (options.Assignments, None),
    "data": (options.Root, Path()),
    "as_json": (options.AsJson, False),
}
ONE_LANGUAGE: dict[str, Option] = {"language": (options.Language, "")}
TWO_LANGUAGES: dict[str, Option] = {"languages": (options.Languages, ""), "one_way": (options.OneWay, False)}
INITIALISED: dict[str, Option] = {"start": (options.Start, None)}
LOOP: dict[str, Option] = {
    "resume": (options.Resume, False),
    "device": (options.Device, "auto"),
    "threads": (options.Threads, 0),
    "tensorboard": (options.BoardFolder, None),
    "prepare_only": (options.PrepareOnly, False),
}


def training_command(kind: Kind) -> Callable[..., None]:
    """The command that trains models of a kind, as a function that Typer can read."""
    training: Training = kind.load_training()
    known = DATA | (TWO_LANGUAGES if training.pairs else ONE_LANGUAGE)
    known |= INITIALISED if training.inherited else {}
    known |= {} if kind.counted else LOOP

    def command(**arguments: Any) -> None:
        train(kind.name, **arguments)

    command.__doc__ = training.help
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for name, (annotation, default) in known.items()
        ]
    )
    command.__annotations__ = {name: annotation for name, (annotation, _) in known.items()}
    return command


def train(
    kind: str,
    out: Path,
    train: list[str] | None = None,
    valid: list[str] | None = None,
    encoding: str = "utf-8",
    delimiter: str = "",
    recipe: str = "",
    assignments: list[str] | None = None,
    data: Path = Path(),
    as_json: bool = False,
    language: str = "",
    languages: str = "",
    one_way: bool = False,
    start: Path | None = None,
    resume: bool = False,
    device: str = "auto",
    threads: int = 0,
    tensorboard: Path | None = None,
    prepare_only: bool = False,
) -> None:
    """Train a model of a kind by the options of a command line. Raises ModelError."""
    output = out.resolve()
    if not output.name:
        raise DataError(f"--out {out}: name a folder to make")
    request = Request(
        kind=kind,
        output=output,
        train=tuple(train or ()),
        valid=tuple(valid or ()),
        languages=tuple(part for part in (language or languages).split(",") if part),
        recipe=recipe,
        assignments=tuple(assignments or ()),
        root=data,
        one_way=one_way,
        start=start,
        device=device,
        form=TextFormat(encoding, delimiter),
        command=options.command_line(),
    )
    options.use_threads(threads)
    make(request, resume, tensorboard, prepare_only, as_json)


def make(
    request: Request,
    resume: bool = False,
    tensorboard: Path | None = None,
    prepare_only: bool = False,
    as_json: bool = False,
) -> None:
    """Run a request among all processes that torchrun started; one alone where it did not.

    Raises ModelError, and Interrupted where a person stops it.
    """
    with Interruption() as interruption:
        world = World.join(choose_device(request.device))
        try:
            run(request, Context(world, resume, tensorboard, prepare_only, as_json, interruption))
        except ModelError:
            if world.is_first:
                raise
            sys.exit(2)  # the first process prints the error
        except KeyboardInterrupt:
            message = "stopped before the first step; start again with the same command"
            raise interruption.stop(message) from None
        finally:
            world.leave()
