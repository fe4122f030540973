"""The command: training for each kind of model, label, evaluate, compare, the studies, the list of recipes."""

import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table

from models import checkpoint
from models.device import choose_device
from models.errors import DataError, ModelError
from models.files import cause
from models.json_text import dumps
from models.kinds import KINDS, kind_named
from models.networks.translator import Translator
from models.tables.lines import TextFormat
from trainer.cli import options, studies
from trainer.cli.training import training_command
from trainer.data.sources import Relabelled, parse_source
from trainer.evaluation.config import EvaluationConfig
from trainer.evaluation.evaluate import evaluate_sources
from trainer.evaluation.examples import examples as answer_examples
from trainer.evaluation.quality import calibrate as calibrate_quality
from trainer.pipeline import session
from trainer.pipeline.interruption import Interrupted
from trainer.pipeline.known_words import add_known_words
from trainer.pipeline.labelling import LabellingConfig
from trainer.pipeline.options import distribute, parse_assignments
from trainer.pipeline.steps import write_labels
from trainer.recipes import load_recipe, recipe_names
from trainer.report.compare import compare_runs

KEYBOARD_TEXTS = 500
"""Texts of each data set that --keyboard types, unless keyboard_texts is set."""


def make_app() -> typer.Typer:
    """The command with a subcommand for each kind of model that is registered."""
    app = typer.Typer(no_args_is_help=True, add_completion=False)
    app.callback()(_common)
    for kind in KINDS.values():
        app.command(name=kind.name)(training_command(kind))
    studied = (studies.gradients, studies.recall, studies.ladder, studies.languages, studies.drawings)
    commands = (label, evaluate, calibrate, examples, words, compare, *studied, recipes)
    for command in commands:
        app.command()(command)
    return app


def _show_version(show: bool) -> None:
    if show:
        typer.echo(f"carousel-train {session.version_of('carousel-lstm')}")
        raise typer.Exit


def _common(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train LSTM models on your own text, and measure them."""


def label(
    teachers: Annotated[list[Path], typer.Argument(metavar="CHECKPOINT…", help="Classifiers with the same labels.")],
    data: Annotated[list[str], typer.Option("--data", help="Text without labels: FILE[:COLUMN] or hf:NAME.")],
    out: Annotated[Path, typer.Option("--out", help="The .jsonl file to write.")],
    least: Annotated[float, typer.Option(min=0, max=1, help="The probability that a label must have.")] = 0.7,
    sentences: Annotated[int, typer.Option(min=0, max=100, help="Sentences of each text to label as well.")] = 0,
    least_of_sentences: Annotated[float, typer.Option(min=0, max=1, help="As --least, of these.")] = 0.85,
    encoding: options.Encoding = "utf-8",
    delimiter: options.Delimiter = "",
    root: options.OtherRoot = Path(),
    threads: options.Threads = 0,
) -> None:
    """Label text by an ensemble of classifiers, to train another one on: self-training."""
    options.use_threads(threads)
    form = TextFormat(encoding, delimiter)
    sources = [parse_source(name, root, ("text",), ("1",), "train", form) for name in data]
    write_labels(out, teachers, sources, LabellingConfig(least, sentences, least_of_sentences))


def evaluate(
    directory: Annotated[Path, typer.Argument(help="A checkpoint directory.")],
    names: Annotated[list[str], typer.Argument(metavar="DATA…", help="Data: FILE[:COLUMN,…].")],
    baseline: Annotated[
        list[str] | None,
        typer.Option(help="For a language model: also count an n-gram model on this data, and evaluate it."),
    ] = None,
    order: Annotated[int, typer.Option(min=1, max=10, help="Words of the baseline's n-grams.")] = 3,
    keyboard: Annotated[
        bool, typer.Option("--keyboard", help="For a language model: also the keystrokes that its lists of words save.")
    ] = False,
    save: Annotated[
        bool, typer.Option("--save", help="Also make this the checkpoint's metrics.json, card and pictures.")
    ] = False,
    assignments: options.Assignments = None,
    encoding: options.Encoding = "utf-8",
    delimiter: options.Delimiter = "",
    data: options.Root = Path(),
    device: options.Device = "auto",
    threads: options.Threads = 0,
) -> None:
    """Evaluate a checkpoint on data, and print the scores as JSON."""
    options.use_threads(threads)
    loaded = checkpoint.load(directory, choose_device(device))
    kind = kind_named(loaded.kind)
    if baseline and (kind.task != "language" or kind.counted):
        raise DataError(f"--baseline is for language models, and {directory} is a {loaded.kind}")
    if keyboard and kind.task != "language":
        raise DataError(f"--keyboard is for language models, and {directory} is a {loaded.kind}")
    known = {field.name for field in fields(EvaluationConfig)}
    trained = {name: value for name, value in loaded.training.get("settings", {}).items() if name in known}
    (settings,) = distribute({**trained, **parse_assignments(assignments or ())}, (EvaluationConfig,))
    config = EvaluationConfig(**settings)  # type: ignore[arg-type]
    if keyboard and not config.keyboard_texts:
        config = replace(config, keyboard_texts=KEYBOARD_TEXTS)
    columns, form = (kind.columns, kind.tsv_columns), TextFormat(encoding, delimiter)
    labels = loaded.training.get("labels", {})
    sources = [parse_source(name, data, *columns, "validation", form) for name in names]
    if labels:
        sources = [Relabelled(source, labels) for source in sources]
    counted = [parse_source(name, data, *columns, "train", form) for name in baseline or ()]
    with torch.inference_mode():
        metrics = evaluate_sources(
            loaded.model,
            loaded.tokenizer,
            sources,
            config,
            counted,
            order,
            max_baseline_characters=0,
            known=loaded.known_words,
        )
    if save:
        session.write_metrics(loaded, directory, metrics)
    typer.echo(dumps(metrics, indent=2))


def calibrate(
    directory: Annotated[Path, typer.Argument(help="The checkpoint directory of a translator.")],
    names: Annotated[
        list[str], typer.Argument(metavar="DATA…", help="Pairs that it was not trained on: FILE[:COLUMN,…].")
    ],
    pairs: Annotated[int, typer.Option(min=20, help="Of each file, in each direction.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of pairs.")] = 1,
    encoding: options.Encoding = "utf-8",
    delimiter: options.Delimiter = "",
    data: options.Root = Path(),
    threads: options.Threads = 0,
) -> None:
    """Calibrate a translator's estimate of quality, and print it as JSON with its reliability.

    Half of the pairs fit it, the others measure it; the checkpoint gets quality.json, and its card the figures.
    """
    options.use_threads(threads)
    loaded = checkpoint.load(directory)
    if not isinstance(loaded.model, Translator):
        raise DataError(f"{directory} is a {loaded.kind}; only a translator's quality can be calibrated")
    kind = kind_named(loaded.kind)
    form = TextFormat(encoding, delimiter)
    sources = [parse_source(name, data, kind.columns, kind.tsv_columns, "validation", form) for name in names]
    quality = calibrate_quality(loaded.model, loaded.tokenizer, sources, pairs, seed, EvaluationConfig())
    session.write_quality(loaded, directory, quality)
    typer.echo(dumps(quality, indent=2))


def examples(
    directory: Annotated[Path, typer.Argument(help="A checkpoint directory.")],
    names: Annotated[list[str], typer.Argument(metavar="DATA…", help="Data it was not trained on: FILE[:COLUMN,…].")],
    count: Annotated[int, typer.Option(min=1, max=1000, help="Of each data set.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of texts.")] = 1,
    encoding: options.Encoding = "utf-8",
    delimiter: options.Delimiter = "",
    data: options.Root = Path(),
    threads: options.Threads = 0,
) -> None:
    """Show what a model answers to random texts: the checkpoint gets examples.json, and its card the examples."""
    options.use_threads(threads)
    loaded = checkpoint.load(directory)
    kind = kind_named(loaded.kind)
    form = TextFormat(encoding, delimiter)
    parsed = [parse_source(name, data, kind.columns, kind.tsv_columns, "validation", form) for name in names]
    labels = loaded.training.get("labels", {})
    answers = answer_examples(loaded, [Relabelled(source, labels) for source in parsed], count, seed)
    session.write_examples(loaded, directory, answers)
    for group in answers["data"]:
        for example in group["examples"]:
            typer.echo("\t".join(" ".join(text.split()) for text in example.values()))


def words(
    directory: Annotated[Path, typer.Argument(help="The checkpoint directory of a language model or a translator.")],
    train: options.Train = None,
    valid: Annotated[list[str] | None, typer.Option("--valid", help="Validation data, likewise.")] = None,
    encoding: options.Encoding = "utf-8",
    delimiter: options.Delimiter = "",
    data: options.Root = Path(),
) -> None:
    """Add the words of its training text to a language model or a translator, and print their number as JSON.

    /next-word-probs then lists no others; a translator keeps names that are none of them. Training does this by
    itself; left out, the data are those in config.json.
    """
    record = add_known_words(directory, train or (), valid or (), data, TextFormat(encoding, delimiter))
    typer.echo(dumps(record, indent=2))


def compare(
    directories: Annotated[list[Path], typer.Argument(metavar="CHECKPOINT…", help="Two or more, of one kind.")],
    picture: Annotated[Path | None, typer.Option("--plot", help="A PNG to draw their learning curves into.")] = None,
) -> None:
    """Compare checkpoints: settings that differ, scores, learning curves."""
    compare_runs(directories, picture, Console())


def recipes() -> None:
    """List the named recipes."""
    table = Table("recipe", "command", "what it makes")
    for name in recipe_names():
        recipe = load_recipe(name)
        table.add_row(name, recipe.kind, recipe.about)
    Console().print(table)


def main() -> None:
    """Run the command; an error of the user's data or options, or of the disk, ends it with one line and status 2."""
    try:
        make_app()()
    except Interrupted as stopped:
        _print(str(stopped))
        sys.exit(stopped.status)
    except ModelError as error:
        _print(f"error: {error}", "red")
        sys.exit(2)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        _print(f"error: {name}{cause(error)}", "red")
        sys.exit(2)


def _print(line: str, style: str = "") -> None:
    Console(stderr=True).print(line, style=style, markup=False, highlight=False, soft_wrap=True)
