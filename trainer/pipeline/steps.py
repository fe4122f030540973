"""A run as a list of steps: the prerequisites of a recipe first, then the model itself.

A recipe may start from a base model, may train on labels that other classifiers, its teachers, give to text without
any, or on the translations of other translators. Each of these has a recipe of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console

from models import checkpoint
from models.config import current_names
from models.errors import DataError
from models.json_text import dumps
from models.kinds import kind_named
from trainer.data.corpus import usable
from trainer.data.report import show, warn
from trainer.data.sources import Source, all_rows, parse_source
from trainer.loop.distributed import World
from trainer.loop.trainer import Trainer
from trainer.pipeline import session
from trainer.pipeline.claim import claimed
from trainer.pipeline.interruption import Interruption
from trainer.pipeline.labelling import LabellingConfig, label_file
from trainer.pipeline.options import complete
from trainer.pipeline.plan import Plan, Request, all_settings, find_recipe, plan
from trainer.recipes import load_recipe
from trainer.report.summary import advice, result_line
from trainer.report.tensorboard import Board
from trainer.tasks.training import Fit


@dataclass(frozen=True)
class Context:
    """What all steps of a run share."""

    world: World
    resume: bool = False
    tensorboard: Path | None = None
    """The folder for TensorBoard's events of the model itself; prerequisites get folders in it."""
    only_prepare: bool = False
    """Prepare the data and train nothing; the run that does finds them prepared."""
    as_json: bool = False
    """Print the metrics as JSON at the end, and all else to standard error."""
    interruption: Interruption = field(default_factory=Interruption)

    @property
    def console(self) -> Console:
        """Of several processes, the first one prints."""
        return Console(quiet=not self.world.is_first, stderr=self.as_json)


@dataclass(frozen=True)
class Train:
    """Train a model."""

    request: Request
    prerequisite: bool = False
    """Whether another model needs it."""
    may_start: bool = False
    """With --resume, start from scratch where there is no state: the interrupted step may have been an earlier one."""

    def run(self, context: Context) -> None:
        output, folder = self.request.output, context.tensorboard
        if context.only_prepare:
            _prepare(self.request, context)
            return
        resume = context.resume and (session.has_state(output) or not self.may_start)
        _train(self.request, context, resume, folder / output.name if folder and self.prerequisite else folder)


@dataclass(frozen=True)
class Label:
    """Label text by classifiers, unless it is labelled already."""

    output: Path
    teachers: tuple[Path, ...]
    sources: tuple[Source, ...]
    config: LabellingConfig

    def run(self, context: Context) -> None:
        if not self.output.exists():
            context.world.decide(lambda: write_labels(self.output, self.teachers, self.sources, self.config))


Step = Train | Label


def run(request: Request, context: Context) -> None:
    """Run all steps of a request. Raises ModelError."""
    for step in list(steps_of(request)):
        if context.only_prepare and isinstance(step, Label):
            return  # what comes after it needs the labels
        step.run(context)


def steps_of(request: Request, prerequisite: bool = False) -> Iterator[Step]:
    """The steps to a model: its teachers, their labels, its base model, and itself.

    Models that are finished already are left out. Raises DataError where one was made with other settings.
    """
    recipe = find_recipe(request)
    first = request
    if recipe.labelling and request.labelled is None:
        settings = dict(recipe.labelling)
        outputs = _teachers(request, settings.pop("teachers"))
        for output, name, seed in outputs:
            yield from _prerequisites(request, output, name, seed)
        labels = request.output.with_name(f"{request.output.name}.labels.jsonl")
        names = settings.pop("unlabelled")
        texts = tuple(parse_source(name, request.root, ("text",), ("1",), "train") for name in names)
        yield Label(labels, tuple(output for output, _, _ in outputs), texts, LabellingConfig(**settings))
        request = replace(request, labelled=labels)
    if recipe.distillation and not request.teachers:
        outputs = _teachers(request, recipe.distillation["teachers"])
        for output, name, seed in outputs:
            yield from _prerequisites(request, output, name, seed)
        request = replace(request, teachers=tuple(output for output, _, _ in outputs))
    if recipe.base and request.start is None:
        base = request.output.with_name(request.output.name + ".base")
        same_labels = request.labelled if load_recipe(recipe.base).labelling == recipe.labelling else None
        yield from _prerequisites(request, base, recipe.base, (), same_labels)
        request = replace(request, start=base)
    yield Train(request, prerequisite, may_start=prerequisite or request is not first)


def _teachers(request: Request, teachers: Sequence[Mapping[str, Any]]) -> list[tuple[Path, str, tuple[str, ...]]]:
    """Of each teacher of a recipe: its folder, its own recipe, and its seed as an assignment."""
    return [
        (
            request.output.with_name(f"{request.output.name}.teacher-{number}"),
            teacher["recipe"],
            (f"seed={teacher['seed']}",) if "seed" in teacher else (),
        )
        for number, teacher in enumerate(teachers, 1)
    ]


def _prerequisites(
    request: Request, output: Path, recipe: str, assignments: tuple[str, ...], labelled: Path | None = None
) -> Iterator[Step]:
    """The steps to a model that another one needs; none where it is finished.

    labelled is a file of labels that exists by then, of a recipe that labels its own texts otherwise.
    """
    if session.is_finished(output):
        loaded = checkpoint.load(output, "cpu")
        configs = kind_named(loaded.kind).load_training().configurations
        defaults = complete([{}] * len(configs), configs)  # of settings that are newer than the checkpoint
        settings = {**defaults, **current_names(loaded.training["settings"], configs, warn=False)}
        if settings != all_settings(recipe, request.device, assignments):
            raise DataError(f"{output}: not made by the recipe {recipe} as it is; delete it, or use --from")
        return
    needed = Request(
        load_recipe(recipe).kind, output, recipe=recipe, assignments=assignments, root=request.root,
        device=request.device, command=request.command, labelled=labelled,
    )  # fmt: skip
    yield from steps_of(needed, prerequisite=True)


def write_labels(path: Path, teachers: Sequence[Path], sources: Sequence[Source], config: LabellingConfig) -> None:
    """Label the texts of sources by an ensemble of classifiers, and write a JSON Lines file."""
    texts = [text for (text,) in islice(usable(all_rows(sources), 1), config.texts or None)]
    count = label_file(path, [checkpoint.load(teacher, "cpu") for teacher in teachers], texts, config)
    Console().print(f"{count:,} labels, of {len(texts):,} texts: {path}", markup=False, highlight=False)


def _prepare(request: Request, context: Context) -> None:
    """Prepare the data. A student's vocabulary is trained, too: where its data are its teachers', it is theirs."""
    with claimed(request.output, context.world, resume=False):
        report = plan(replace(request, teachers=()), context.world).report
    if report is not None:
        show(report, context.console)


def _train(request: Request, context: Context, resume: bool, tensorboard: Path | None) -> None:
    with claimed(request.output, context.world, resume):
        board = Board(tensorboard if context.world.is_first else None)
        try:
            planned = plan(request, context.world, resume)
        except BaseException:
            if context.world.is_first:
                session.forget(request.output)
            raise
        if planned.report is not None:
            show(planned.report, context.console)
        if planned.sized:
            sized = ", ".join(f"{name}={value}" for name, value in planned.sized.items())
            _say(context, f"chosen by the size of the data: {sized} (--set changes them)")
        metrics = _fit(planned, context) if isinstance(planned.task, Fit) else _loop(planned, context, resume, board)
    loaded = checkpoint.load(request.output, "cpu") if context.world.is_first else None
    if loaded is not None:
        _say(context, result_line(loaded, request.output))
        for line in advice(loaded):
            warn(context.console, line)
        if context.as_json:
            print(dumps(metrics, indent=2))


def _fit(planned: Plan, context: Context) -> dict[str, Any]:
    assert isinstance(planned.task, Fit)
    return session.fit(planned.run, planned.task, planned.tokenizer, planned.evaluate, context.world, context.console)


def _loop(planned: Plan, context: Context, resume: bool, board: Board) -> dict[str, Any]:
    assert planned.training is not None
    assert not isinstance(planned.task, Fit)
    trainer = Trainer(planned.task, planned.training, planned.device, context.world)
    return session.train(
        planned.run, trainer, planned.tokenizer, planned.evaluate, resume, context.console, board, context.interruption
    )


def _say(context: Context, line: str) -> None:
    context.console.print(line, markup=False, highlight=False, soft_wrap=True)
