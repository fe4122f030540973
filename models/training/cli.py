"""The `carousel-train` command."""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from models import checkpoint
from models.device import choose_device
from models.errors import ModelError
from models.training import session
from models.training.allocator import keep_memory
from models.training.build import COLUMNS, TSV_COLUMNS, Request, plan
from models.training.evaluate import evaluate_sources
from models.training.recipes import RECIPES
from models.training.sources import Source

app = typer.Typer(
    help="Train LSTM models on your own text, and measure them.", no_args_is_help=True, add_completion=False
)

Output = Annotated[Path, typer.Option("--out", help="The checkpoint directory to make.")]
Train = Annotated[list[str] | None, typer.Option("--train", help="Training data: FILE[:COLUMN,…]. Can be repeated.")]
Valid = Annotated[list[str] | None, typer.Option("--valid", help="Validation data, likewise.")]
RecipeName = Annotated[str, typer.Option("--recipe", help=f"Start from a named recipe: {', '.join(RECIPES)}.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", help="Change a setting: NAME=VALUE; an unknown name lists them all.")
]
Root = Annotated[Path, typer.Option("--data", envvar="CAROUSEL_DATA", help="The folder that file names start from.")]
Language = Annotated[str, typer.Option("--language", help="The language of the text, such as en.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
Threads = Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0: one a core.")]


@app.command()
def language(
    out: Output,
    train: Train = None,
    valid: Valid = None,
    language: Language = "",
    recipe: RecipeName = "",
    assignments: Assignments = None,
    data: Root = Path(),
    resume: Resume = False,
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Train a language model on text: .txt with a document a line, .jsonl, .csv, .tsv."""
    languages = (language,) if language else ()
    request = _request("language", out, train, valid, languages, recipe, assignments, data, device)
    _train(request, resume, threads)


@app.command()
def classifier(
    out: Output,
    train: Train = None,
    valid: Valid = None,
    language: Language = "",
    recipe: RecipeName = "",
    assignments: Assignments = None,
    data: Root = Path(),
    resume: Resume = False,
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Train a classifier on labelled texts: .jsonl, .csv or .tsv with the columns text and label."""
    languages = (language,) if language else ()
    request = _request("classifier", out, train, valid, languages, recipe, assignments, data, device)
    _train(request, resume, threads)


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
) -> None:
    """Train a translator on sentence pairs: .tsv, .csv, .jsonl, or two parallel files SOURCE,TARGET."""
    pair = tuple(part for part in languages.split(",") if part)
    request = _request("translator", out, train, valid, pair, recipe, assignments, data, device)
    _train(replace(request, one_way=one_way), resume, threads)


@app.command()
def evaluate(
    directory: Annotated[Path, typer.Argument(help="A checkpoint directory.")],
    names: Annotated[list[str], typer.Argument(metavar="DATA…", help="Data: FILE[:COLUMN,…].")],
    baseline: Annotated[
        list[str] | None, typer.Option(help="For a language model: also count a 3-gram on this data, and measure it.")
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Also make this the checkpoint's metrics.json and card.")
    ] = False,
    data: Root = Path(),
    device: Device = "auto",
    threads: Threads = 0,
) -> None:
    """Measure a checkpoint on data, and print the scores as JSON."""
    if threads:
        torch.set_num_threads(threads)
    loaded = checkpoint.load(directory, choose_device(device))
    columns = (COLUMNS[loaded.kind], TSV_COLUMNS[loaded.kind])
    sources, counted = ([Source.parse(name, data, *columns) for name in group] for group in (names, baseline or ()))
    with torch.inference_mode():
        metrics = evaluate_sources(loaded.model, loaded.tokenizer, sources, counted)
    if save:
        session.write_metrics(loaded, directory, metrics)
    typer.echo(json.dumps(metrics, indent=2, ensure_ascii=False))


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
    return Request(
        kind=kind,
        output=out,
        train=tuple(train or ()),
        valid=tuple(valid or ()),
        languages=languages,
        recipe=recipe,
        assignments=tuple(assignments or ()),
        root=data,
        device=device,
        command=_command(),
    )


def _train(request: Request, resume: bool, threads: int) -> None:
    if threads:
        torch.set_num_threads(threads)
    console = Console()
    session.check_output(request.output, resume)
    made = plan(request)
    metrics = session.train(made.run, made.trainer, made.tokenizer, made.evaluate, resume, console)
    console.print_json(json.dumps(metrics))
    console.print(f"made {request.output}", markup=False, highlight=False)


def _command() -> str:
    """The command line, as a person would type it again."""
    return shlex.join(["carousel-train", *(argument for argument in sys.argv[1:] if argument != "--resume")])


if __name__ == "__main__":
    main()
