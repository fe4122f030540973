"""The `carousel-train` command."""

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table

from models import checkpoint
from models.config import current_names
from models.device import choose_device
from models.errors import DataError, ModelError
from trainer.data.corpus import show, usable
from trainer.data.sources import Source, all_rows, parse_source
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.evaluate import evaluate_sources
from trainer.loop.allocator import keep_memory
from trainer.loop.distributed import World
from trainer.pipeline import session
from trainer.pipeline.counting import count
from trainer.pipeline.labelling import LabellingConfig, label_file
from trainer.pipeline.options import distribute, parse_assignments
from trainer.pipeline.plan import COLUMNS, TSV_COLUMNS, Request, all_settings, find_recipe, plan
from trainer.recipes import Recipe, load_recipe, recipe_names
from trainer.report.compare import compare_runs
from trainer.report.settings_table import ALL_CONFIGS
from trainer.report.tensorboard import Board
from trainer.studies.commands import show_gradients, show_recall
from trainer.studies.ladder.report import climb
from trainer.studies.ladder.rungs import Ladder
from trainer.studies.synthetic import Schooling

app = typer.Typer(
    help="Train LSTM models on your own text, and measure them.", no_args_is_help=True, add_completion=False
)

Output = Annotated[Path, typer.Option("--out", help="The checkpoint directory to make.")]
Train = Annotated[
    list[str] | None,
    typer.Option("--train", help="Training data: FILE[:COLUMN,…] or hf:NAME[:CONFIGURATION]. Can be repeated."),
]
Valid = Annotated[list[str] | None, typer.Option("--valid", help="Validation data, likewise.")]
RecipeName = Annotated[str, typer.Option("--recipe", help="Start from a named recipe: see `carousel-train recipes`.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", help="Change a setting: NAME=VALUE; an unknown name lists them all.")
]
Root = Annotated[Path, typer.Option("--data", envvar="CAROUSEL_DATA", help="The folder that file names start from.")]
Language = Annotated[str, typer.Option("--language", help="The language of the text, such as en.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
BoardFolder = Annotated[Path | None, typer.Option("--tensorboard", help="A folder to write TensorBoard's events into.")]
Start = Annotated[Path | None, typer.Option("--from", help="The checkpoint of a language model to start from.")]
Threads = Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0: one a core.")]


@app.command()
def language(
    out: Output,
    train: Train = None,
    valid: Valid = None,
    language: Language = "",
    recipe: RecipeName = "",
    start: Start = None,
    assignments: Assignments = None,
    data: Root = Path(),
    resume: Resume = False,
    device: Device = "auto",
    threads: Threads = 0,
    tensorboard: BoardFolder = None,
) -> None:
    """Train a language model on text: .txt with a document a line, .jsonl, .csv, .tsv, .parquet."""
    languages = (language,) if language else ()
    request = _request("language", out, train, valid, languages, recipe, assignments, data, device)
    _train(replace(request, start=start), resume, threads, tensorboard)


@app.command()
def classifier(
    out: Output,
    train: Train = None,
    valid: Valid = None,
    language: Language = "",
    recipe: RecipeName = "",
    start: Start = None,
    assignments: Assignments = None,
    data: Root = Path(),
    resume: Resume = False,
    device: Device = "auto",
    threads: Threads = 0,
    tensorboard: BoardFolder = None,
) -> None:
    """Train a classifier on labelled texts: .jsonl, .csv, .tsv or .parquet with the columns text and label."""
    languages = (language,) if language else ()
    request = _request("classifier", out, train, valid, languages, recipe, assignments, data, device)
    _train(replace(request, start=start), resume, threads, tensorboard)


@app.command()
def translator(
    out: Output,
    train: Train = None,
    valid: Valid = None,
    languages: Annotated[str, typer.Option(help="The two languages, in the data's order: en,tr")] = "",
    one_way: Annotated[bool, typer.Option("--one-way", help="Only from the first language to the second.")] = False,
    recipe: RecipeName = "",
    assignments: Assignments = None,
    data: Root = Path(),
    resume: Resume = False,
    device: Device = "auto",
    threads: Threads = 0,
    tensorboard: BoardFolder = None,
) -> None:
    """Train a translator on sentence pairs: .tsv, .csv, .jsonl, .parquet, or two parallel files SOURCE,TARGET."""
    pair = tuple(part for part in languages.split(",") if part)
    request = _request("translator", out, train, valid, pair, recipe, assignments, data, device)
    _train(replace(request, one_way=one_way), resume, threads, tensorboard)


@app.command()
def ngram(
    out: Output,
    train: Train = None,
    valid: Valid = None,
    language: Language = "",
    recipe: RecipeName = "",
    assignments: Assignments = None,
    data: Root = Path(),
) -> None:
    """Count an n-gram model on text: .txt with a document a line, .jsonl, .csv, .tsv, .parquet."""
    languages = (language,) if language else ()
    _count(_request("ngram", out, train, valid, languages, recipe, assignments, data, "cpu"))


@app.command()
def bag(
    out: Output,
    train: Train = None,
    valid: Valid = None,
    language: Language = "",
    recipe: RecipeName = "",
    assignments: Assignments = None,
    data: Root = Path(),
) -> None:
    """Fit a bag of words on labelled texts: .jsonl, .csv, .tsv or .parquet with the columns text and label."""
    languages = (language,) if language else ()
    _count(_request("bag", out, train, valid, languages, recipe, assignments, data, "cpu"))


@app.command()
def label(
    teachers: Annotated[list[Path], typer.Argument(metavar="CHECKPOINT…", help="Classifiers with the same labels.")],
    data: Annotated[list[str], typer.Option("--data", help="Text without labels: FILE[:COLUMN] or hf:NAME.")],
    out: Annotated[Path, typer.Option("--out", help="The .jsonl file to write.")],
    least: Annotated[float, typer.Option(min=0, max=1, help="The probability that a label must have.")] = 0.7,
    sentences: Annotated[int, typer.Option(min=0, max=100, help="Of each text, label so many sentences too.")] = 0,
    least_of_sentences: Annotated[float, typer.Option(min=0, max=1, help="As --least, of these.")] = 0.85,
    root: Annotated[Path, typer.Option("--root", envvar="CAROUSEL_DATA", help="Where file names start from.")] = Path(),
    threads: Threads = 0,
) -> None:
    """Label text by classifiers together, to train another one on: self-training."""
    if threads:
        torch.set_num_threads(threads)
    sources = [parse_source(name, root, ("text",), ("1",), "train") for name in data]
    _write_labels(out, teachers, sources, LabellingConfig(least, sentences, least_of_sentences))


@app.command()
def evaluate(
    directory: Annotated[Path, typer.Argument(help="A checkpoint directory.")],
    names: Annotated[list[str], typer.Argument(metavar="DATA…", help="Data: FILE[:COLUMN,…].")],
    baseline: Annotated[
        list[str] | None, typer.Option(help="For a language model: also count an n-gram on this data, and measure it.")
    ] = None,
    order: Annotated[int, typer.Option(min=1, max=10, help="Words of the baseline's n-grams.")] = 3,
    save: Annotated[
        bool, typer.Option("--save", help="Also make this the checkpoint's metrics.json, card and pictures.")
    ] = False,
    assignments: Assignments = None,
    data: Root = Path(),
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Measure a checkpoint on data, and print the scores as JSON."""
    if threads:
        torch.set_num_threads(threads)
    loaded = checkpoint.load(directory, choose_device(device))
    if baseline and loaded.kind != "language":
        raise DataError(f"--baseline is for language models, and {directory} is a {loaded.kind}")
    known = {field.name for field in fields(EvaluationConfig)}
    trained = {name: value for name, value in loaded.training.get("settings", {}).items() if name in known}
    (settings,) = distribute({**trained, **parse_assignments(assignments or ())}, (EvaluationConfig,))
    config = EvaluationConfig(**settings)  # type: ignore[arg-type]
    columns = (COLUMNS[loaded.kind], TSV_COLUMNS[loaded.kind])
    sources = [parse_source(name, data, *columns, "validation") for name in names]
    counted = [parse_source(name, data, *columns, "train") for name in baseline or ()]
    with torch.inference_mode():
        metrics = evaluate_sources(loaded.model, loaded.tokenizer, sources, config, counted, order)
    if save:
        session.write_metrics(loaded, directory, metrics)
    typer.echo(json.dumps(metrics, indent=2, ensure_ascii=False))


@app.command()
def compare(
    directories: Annotated[list[Path], typer.Argument(metavar="CHECKPOINT…", help="Two or more, of one kind.")],
    picture: Annotated[Path | None, typer.Option("--plot", help="A PNG to draw their learning curves into.")] = None,
) -> None:
    """Set checkpoints side by side: what differs in their settings, what they scored, how they learned."""
    compare_runs(directories, picture, Console())


@app.command()
def gradients(
    out: Annotated[Path, typer.Option("--out", help="The folder for gradients.csv and gradients.png.")],
    length: Annotated[int, typer.Option(min=2, max=10_000, help="Steps of a sequence.")] = 100,
    hidden: Annotated[int, typer.Option(min=1, max=4096, help="Units of a cell.")] = 64,
    steps: Annotated[int, typer.Option(min=1, help="Of training.")] = 500,
    gain: Annotated[
        float, typer.Option(min=1.001, max=100.0, help="How much larger recurrent weights begin the second time.")
    ] = 4.0,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    threads: Threads = 0,
) -> None:
    """Measure how far back in time the loss of an RNN, a GRU and an LSTM reaches: gradients that vanish and explode."""
    if threads:
        torch.set_num_threads(threads)
    show_gradients(out, length, hidden, steps, gain, seed, Console())


@app.command()
def recall(
    out: Annotated[Path, typer.Option("--out", help="The folder for recall.csv and recall.png.")],
    problem: Annotated[str, typer.Option(help="adding or copy.")] = "adding",
    cell: Annotated[list[str] | None, typer.Option(help="rnn, gru or lstm; all if left out. Can be repeated.")] = None,
    length: Annotated[list[int] | None, typer.Option(min=2, max=10_000, help="Steps; can be repeated.")] = None,
    hidden: Annotated[int, typer.Option(min=1, max=4096, help="Units of a cell.")] = 128,
    steps: Annotated[int, typer.Option(min=1, help="Of training, at most.")] = 5000,
    learning_rate: Annotated[float, typer.Option(min=1e-6, max=1.0)] = 2e-3,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    threads: Threads = 0,
) -> None:
    """Train recurrent cells on the adding or the copy problem: how long does a memory last?"""
    if threads:
        torch.set_num_threads(threads)
    how = Schooling(steps=steps, learning_rate=learning_rate)
    show_recall(out, problem, cell or (), length or (50, 100, 200, 500), hidden, how, seed, Console())


@app.command()
def ladder(
    data: Annotated[list[str], typer.Option("--data", help="Text: FILE[:COLUMN] or hf:NAME. Can be repeated.")],
    out: Annotated[Path, typer.Option("--out", help="The folder for all rungs and the report.")],
    language: Language,
    valid: Annotated[
        list[str] | None,
        typer.Option("--valid", help="Text to measure on; left out, every 20th of --data is kept for it."),
    ] = None,
    vocabulary: Annotated[int, typer.Option(min=3, max=1_000_000, help="Words that all rungs know.")] = 10_000,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of the recurrent rungs that read: NAME=VALUE.")
    ] = None,
    order: Annotated[int, typer.Option(min=1, max=10, help="Of the Kneser-Ney model.")] = 5,
    words: Annotated[int, typer.Option(min=0, help="Leave out what comes after so many words; 0: nothing.")] = 0,
    note: Annotated[str, typer.Option(help="What the rungs' cards say of the data and their licence.")] = "",
    root: Annotated[Path, typer.Option("--root", envvar="CAROUSEL_DATA", help="Where file names start from.")] = Path(),
    threads: Threads = 0,
) -> None:
    """Make every rung from counting words to the LSTM of one text, and measure all of them the same way.

    What is there already in the folder is not made again.
    """
    if threads:
        torch.set_num_threads(threads)
    made = Ladder(out.resolve(), language, tuple(assignments or ()), vocabulary, order, words, note, _command())
    text, held_out = (
        [parse_source(name, root, COLUMNS["ngram"], TSV_COLUMNS["ngram"], split) for name in names]
        for names, split in ((data, "train"), (valid or [], "validation"))
    )

    def make(request: Request) -> None:
        if request.kind in ("ngram", "bag"):
            _count(request)
        else:
            _train(request, session.has_state(request.output), threads, None)

    climb(made, text, held_out, make, Console())


@app.command()
def recipes() -> None:
    """List the named recipes."""
    table = Table("recipe", "command", "what it makes")
    for name in recipe_names():
        recipe = load_recipe(name)
        table.add_row(name, recipe.kind, recipe.about)
    Console().print(table)


def main() -> None:
    """Run the command; an error of the user's data or options ends it with one line and status 2."""
    keep_memory()
    try:
        app()
    except ModelError as error:
        Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)


def _request(
    kind: str,
    out: Path,
    train: list[str] | None,
    valid: list[str] | None,
    languages: tuple[str, ...],
    recipe: str,
    assignments: list[str] | None,
    data: Path,
    device: str,
) -> Request:
    output = out.resolve()
    if not output.name:
        raise DataError(f"--out {out}: name a folder to make")
    return Request(
        kind=kind,
        output=output,
        train=tuple(train or ()),
        valid=tuple(valid or ()),
        languages=languages,
        recipe=recipe,
        assignments=tuple(assignments or ()),
        root=data,
        device=device,
        command=_command(),
    )


def _count(request: Request) -> None:
    console = Console()
    console.print_json(json.dumps(count(request, console)))
    console.print(f"made {request.output}", markup=False, highlight=False)


def _train(request: Request, resume: bool, threads: int, tensorboard: Path | None) -> None:
    if threads:
        torch.set_num_threads(threads)
    world = World.join(choose_device(request.device))
    try:
        _train_with_base(request, resume, world, tensorboard)
    except ModelError:
        if world.is_first:
            raise
        sys.exit(2)  # the first process says it
    finally:
        world.leave()


def _train_with_base(request: Request, resume: bool, world: World, tensorboard: Path | None) -> None:
    """Train what the recipe starts from, where that is not there yet, and then the model itself."""
    recipe = find_recipe(request)
    if recipe.labelling and request.labelled is None:
        request = replace(request, labelled=_labelled(request, recipe, resume, world, tensorboard))
        resume = resume and session.has_state(request.output)
    name = recipe.base
    if name and request.start is None:
        base = request.output.with_name(request.output.name + ".base")
        _train_before(request, base, name, (), resume, world, tensorboard)
        request = replace(request, start=base)
        resume = resume and session.has_state(request.output)
    _run(request, resume, world, tensorboard)


def _train_before(
    request: Request,
    output: Path,
    name: str,
    assignments: tuple[str, ...],
    resume: bool,
    world: World,
    tensorboard: Path | None,
) -> None:
    """Make by a recipe what another run needs, unless it is there. Raises DataError where another thing is."""
    if session.is_finished(output):
        settings = current_names(checkpoint.load(output, "cpu").training["settings"], ALL_CONFIGS, warn=False)
        if settings != all_settings(name, request.device, assignments):
            raise DataError(f"{output}: not made by the recipe {name} as it is; delete it, or use --from")
        return
    kind = load_recipe(name).kind
    first = Request(
        kind, output, recipe=name, assignments=assignments, root=request.root, device=request.device,
        command=request.command,
    )  # fmt: skip
    if kind == "bag":
        world.decide(lambda: count(first, Console()))
    else:
        events = tensorboard and tensorboard / output.name
        _train_with_base(first, resume and session.has_state(output), world, events)


def _labelled(request: Request, recipe: Recipe, resume: bool, world: World, tensorboard: Path | None) -> Path:
    """Make the teachers of a recipe, and let them label its text, unless that is there; return the labels' file."""
    settings = dict(recipe.labelling)
    outputs = []
    for number, teacher in enumerate(settings.pop("teachers"), 1):
        outputs.append(request.output.with_name(f"{request.output.name}.teacher-{number}"))
        seed = (f"seed={teacher['seed']}",) if "seed" in teacher else ()
        _train_before(request, outputs[-1], teacher["recipe"], seed, resume, world, tensorboard)
    labels = request.output.with_name(f"{request.output.name}.labels.jsonl")
    sources = [parse_source(name, request.root, ("text",), ("1",), "train") for name in settings.pop("unlabelled")]
    if not labels.exists():
        world.decide(lambda: _write_labels(labels, outputs, sources, LabellingConfig(**settings)))
    return labels


def _write_labels(path: Path, teachers: Sequence[Path], sources: Sequence[Source], how: LabellingConfig) -> None:
    texts = [text for (text,) in usable(all_rows(sources), 1)]
    made = label_file(path, [checkpoint.load(teacher, "cpu") for teacher in teachers], texts, how)
    Console().print(f"{made:,} labels, of {len(texts):,} texts: {path}", markup=False, highlight=False)


def _run(request: Request, resume: bool, world: World, tensorboard: Path | None) -> None:
    console = Console(quiet=not world.is_first)
    world.decide(lambda: session.check_output(request.output, resume))
    board = Board(tensorboard if world.is_first else None)
    try:
        made = plan(request, world, resume)
    except BaseException:
        if world.is_first:
            session.forget(request.output)
        raise
    if made.report is not None:
        show(made.report, console)
    metrics = session.train(made.run, made.trainer, made.tokenizer, made.evaluate, resume, console, board)
    console.print_json(json.dumps(metrics))
    console.print(f"made {request.output}", markup=False, highlight=False)


def _command() -> str:
    """The command line, as a person would type it again."""
    return shlex.join(["carousel-train", *(argument for argument in sys.argv[1:] if argument != "--resume")])


if __name__ == "__main__":
    main()
