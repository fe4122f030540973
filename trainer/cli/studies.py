"""The commands of the studies: gradients, recall, ladder, languages, drawings."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from models.json_text import dumps
from models.kinds import kind_named
from models.runtime.pixel_rnn import DEFAULT_GUIDANCE
from models.tables.lines import TextFormat
from trainer.cli import options
from trainer.cli.training import make
from trainer.data.sources import parse_source
from trainer.pipeline import session
from trainer.pipeline.plan import Request
from trainer.studies.drawings import measure_drawings
from trainer.studies.gradients import run_gradients
from trainer.studies.ladder.ladder import Ladder
from trainer.studies.ladder.report import run_ladder
from trainer.studies.languages import TableConfig, read_lists, run_languages
from trainer.studies.recall import run_recall
from trainer.studies.synthetic import TrainConfig


def gradients(
    out: Annotated[Path, typer.Option("--out", help="The folder for gradients.csv, .png and .json.")],
    length: Annotated[int, typer.Option(min=2, max=10_000, help="Steps of a sequence.")] = 100,
    hidden: Annotated[int, typer.Option(min=1, max=4096, help="Units of a cell.")] = 64,
    steps: Annotated[int, typer.Option(min=1, help="Of training.")] = 500,
    gain: Annotated[
        float, typer.Option(min=1.001, max=100.0, help="How much larger recurrent weights begin the second time.")
    ] = 4.0,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    threads: options.Threads = 0,
) -> None:
    """Measure vanishing and exploding gradients over time, of an RNN, a GRU and an LSTM."""
    options.use_threads(threads)
    run_gradients(out, length, hidden, steps, gain, seed, Console())


def recall(
    out: Annotated[Path, typer.Option("--out", help="The folder for recall.csv and recall.png.")],
    problem: Annotated[str, typer.Option(help="adding or copy.")] = "adding",
    cell: Annotated[list[str] | None, typer.Option(help="rnn, gru or lstm; all if left out. Can be repeated.")] = None,
    length: Annotated[list[int] | None, typer.Option(min=2, max=10_000, help="Steps; can be repeated.")] = None,
    hidden: Annotated[int, typer.Option(min=1, max=4096, help="Units of a cell.")] = 128,
    steps: Annotated[int, typer.Option(min=1, help="Of training, at most.")] = 5000,
    learning_rate: Annotated[float, typer.Option(min=1e-6, max=1.0)] = 2e-3,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    threads: options.Threads = 0,
) -> None:
    """Train recurrent cells on the adding or the copy problem, at several lengths."""
    options.use_threads(threads)
    config = TrainConfig(steps=steps, learning_rate=learning_rate)
    run_recall(out, problem, cell or (), length or (50, 100, 200, 500), hidden, config, seed, Console())


def drawings(
    directory: Annotated[Path, typer.Argument(help="The checkpoint of a model that draws.")],
    data: Annotated[str, typer.Argument(help="The images that it was trained on: mnist:FOLDER.")],
    count: Annotated[int, typer.Option(min=1, max=100_000, help="Drawings.")] = 640,
    guidance: Annotated[
        list[float] | None, typer.Option(min=0, max=10, help="As of /draw; its default if left out; can be repeated.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, max=1000, help="Of the classifier's training.")] = 3,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    root: options.OtherRoot = Path(),
    threads: options.Threads = 0,
) -> None:
    """Train a classifier, and print how often it sees in a drawing what was asked for, as JSON."""
    options.use_threads(threads)
    typer.echo(
        dumps(measure_drawings(directory, data, root, count, epochs, seed, guidance or (DEFAULT_GUIDANCE,)), indent=2)
    )


def ladder(
    data: Annotated[list[str], typer.Option("--data", help="Text: FILE[:COLUMN] or hf:NAME. Can be repeated.")],
    out: Annotated[Path, typer.Option("--out", help="The folder for all rungs and the report.")],
    language: options.Language,
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
    known_only: Annotated[
        bool, typer.Option("--known-only", help="Only passages of known words, with punctuation apart: no <unk>.")
    ] = False,
    encoding: options.Encoding = "utf-8",
    delimiter: options.Delimiter = "",
    note: Annotated[str, typer.Option(help="What the rungs' cards say of the data and their licence.")] = "",
    root: options.OtherRoot = Path(),
    threads: options.Threads = 0,
) -> None:
    """Train every rung from counting words to the LSTM on one text, and measure all of them the same way.

    Rungs that are in the folder already are not trained again.
    """
    options.use_threads(threads)
    kind = kind_named("ngram")
    config = Ladder(
        out.resolve(), language, tuple(assignments or ()), vocabulary, order, words, known_only, note,
        options.command_line(),
    )  # fmt: skip
    form = TextFormat(encoding, delimiter)
    text, held_out = (
        [parse_source(name, root, kind.columns, kind.tsv_columns, split, form) for name in names]
        for names, split in ((data, "train"), (valid or [], "validation"))
    )

    def train_rung(request: Request) -> None:
        make(request, resume=session.has_state(request.output))

    run_ladder(config, text, held_out, train_rung, Console())


def languages(
    lists: Annotated[Path, typer.Argument(help="A folder: en.tsv has a word, a tab and its frequency a line.")],
    out: Annotated[Path, typer.Option("--out", help="The file to make, .npz.")],
    listed: Annotated[int, typer.Option(min=1, help="Words of each language that are in it.")] = 15_000,
    steps: Annotated[int, typer.Option(min=1, help="Of learning the n-grams of the others.")] = 1_200,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    threads: options.Threads = 0,
) -> None:
    """Make the table by which the service detects languages, from lists of words."""
    options.use_threads(threads)
    run_languages(read_lists(lists), out, TableConfig(listed=listed, steps=steps, seed=seed), Console())
