"""`carousel bulk`: its commands' arguments. `app/bulk` does the work."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.naming import NamingCommand
from app.cli.options import Checkpoints, Language, Model, lazily, passed

app = typer.Typer(
    help="Answer files of rows: .jsonl, .csv, .tsv, .txt, each also as .gz, and .parquet. "
    "Exit status: 0 all rows answered; 3 done, with rows left out (OUT.errors.jsonl); 2 an error; 130 or 143 stopped, "
    "and the same command goes on.",
    no_args_is_help=True,
)

In = Annotated[
    list[str], typer.Argument(metavar="IN...", help="Files, folders, or globs in quotes.", show_default=False)
]
Out = Annotated[
    Path,
    typer.Argument(help="A file, in the format of its suffix; or a folder: a file for each input.", show_default=False),
]
Column = Annotated[
    str | None,
    typer.Option(
        help="The column of texts; default: text, or the only one. A number, such as 1: files without a header.",
        show_default=False,
    ),
]
Encoding = Annotated[str, typer.Option(help="Of files other than .parquet, such as windows-1254.")]
Delimiter = Annotated[
    str | None, typer.Option(help="Of .csv files, such as ';' or tab; default: detected.", show_default=False)
]
Prefix = Annotated[str, typer.Option(help="What the names of new columns begin with.")]
PartRows = Annotated[int, typer.Option(min=1, help="Rows that are saved together: at most these are done again.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Begin anew, and replace OUT.")]
Ray = Annotated[bool, typer.Option("--ray", help="Through Ray Data on this machine (extra `ray`): an actor a core.")]
RayAddress = Annotated[
    str | None,
    typer.Option(help="On the Ray cluster there, such as auto; all nodes see the files.", show_default=False),
]
Actors = Annotated[int, typer.Option(min=0, help="Number of Ray's actors; 0: one for each core.")]
SHARED = ("inputs", "out", "column", "prefix", "part_rows", "overwrite", "ray", "actors")
FORMS = ("encoding", "delimiter", "ray_address", "checkpoints")
"""The arguments of all commands; the others are fields of a request."""


@app.command(cls=NamingCommand)
def classify(
    inputs: In,
    out: Out,
    explain: Annotated[bool, typer.Option("--explain", help="Add the contribution of each token.")] = False,
    model: Model = None,
    language: Language = None,
    column: Column = None,
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = None,
    prefix: Prefix = "answer_",
    part_rows: PartRows = 1000,
    overwrite: Overwrite = False,
    ray: Ray = False,
    ray_address: RayAddress = None,
    actors: Actors = 0,
    checkpoints: Checkpoints = None,
) -> None:
    """Classify the texts of files."""
    _run("classify", locals())


@app.command(cls=NamingCommand)
def translate(
    inputs: In,
    out: Out,
    target: Annotated[
        str | None, typer.Option("--to", help="The target language; left out: the other one.", show_default=False)
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="The texts' language; left out: detected.", show_default=False)
    ] = None,
    format_: Annotated[str | None, typer.Option("--format", help="text or html.", show_default=False)] = None,
    beam_size: Annotated[int | None, typer.Option(help="1 is greedy.", show_default=False)] = None,
    length_penalty: Annotated[float | None, typer.Option(show_default=False)] = None,
    alternatives: Annotated[
        int | None, typer.Option(help="Add this many other translations.", show_default=False)
    ] = None,
    model: Model = None,
    column: Column = None,
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = None,
    prefix: Prefix = "answer_",
    part_rows: PartRows = 1000,
    overwrite: Overwrite = False,
    ray: Ray = False,
    ray_address: RayAddress = None,
    actors: Actors = 0,
    checkpoints: Checkpoints = None,
) -> None:
    """Translate the texts of files."""
    _run("translate", locals())


@app.command(cls=NamingCommand)
def summarize(
    inputs: In,
    out: Out,
    max_new_tokens: Annotated[int | None, typer.Option(show_default=False)] = None,
    beam_size: Annotated[int | None, typer.Option(help="1 is greedy.", show_default=False)] = None,
    length_penalty: Annotated[float | None, typer.Option(show_default=False)] = None,
    words: Annotated[bool, typer.Option("--words", help="Add where each word was copied from.")] = False,
    model: Model = None,
    language: Language = None,
    column: Column = None,
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = None,
    prefix: Prefix = "answer_",
    part_rows: PartRows = 1000,
    overwrite: Overwrite = False,
    ray: Ray = False,
    ray_address: RayAddress = None,
    actors: Actors = 0,
    checkpoints: Checkpoints = None,
) -> None:
    """Summarize the texts of files."""
    _run("summarize", locals())


@app.command(cls=NamingCommand)
def generate(
    inputs: In,
    out: Out,
    max_new_tokens: Annotated[int | None, typer.Option(show_default=False)] = None,
    min_new_tokens: Annotated[int | None, typer.Option(show_default=False)] = None,
    temperature: Annotated[
        float | None, typer.Option(help="0: always the likeliest token.", show_default=False)
    ] = None,
    top_k: Annotated[int | None, typer.Option(show_default=False)] = None,
    top_p: Annotated[float | None, typer.Option(show_default=False)] = None,
    typical_p: Annotated[float | None, typer.Option(show_default=False)] = None,
    repetition_penalty: Annotated[float | None, typer.Option(show_default=False)] = None,
    stop: Annotated[list[str] | None, typer.Option(help="End a text before it; may be repeated.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the first row; the next has the next seed.", show_default=False)
    ] = None,
    n: Annotated[int | None, typer.Option(help="Number of texts for each row.", show_default=False)] = None,
    model: Model = None,
    language: Language = None,
    column: Column = None,
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = None,
    prefix: Prefix = "answer_",
    part_rows: PartRows = 1000,
    overwrite: Overwrite = False,
    ray: Ray = False,
    ray_address: RayAddress = None,
    actors: Actors = 0,
    checkpoints: Checkpoints = None,
) -> None:
    """Continue the prompts of files."""
    _run("generate", locals())


@app.command(name="next", cls=NamingCommand)
def next_(
    inputs: In,
    out: Out,
    top: Annotated[int | None, typer.Option(help="Number of words.", show_default=False)] = None,
    unit: Annotated[str | None, typer.Option(help="word or token.", show_default=False)] = None,
    partial: Annotated[bool, typer.Option("--partial", help="The last letters start the word to predict.")] = False,
    temperature: Annotated[float | None, typer.Option(show_default=False)] = None,
    model: Model = None,
    language: Language = None,
    column: Column = None,
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = None,
    prefix: Prefix = "answer_",
    part_rows: PartRows = 1000,
    overwrite: Overwrite = False,
    ray: Ray = False,
    ray_address: RayAddress = None,
    actors: Actors = 0,
    checkpoints: Checkpoints = None,
) -> None:
    """List the likeliest next words after the texts of files."""
    _run("next", locals())


def _run(task: str, arguments: dict[str, Any]) -> None:
    """arguments are a command's own: those of all commands, and fields of the task's request."""
    options = {name.rstrip("_"): value for name, value in arguments.items() if name not in (*SHARED, *FORMS)}
    settings = lazily("app.cli.environment:settings_of")(checkpoints=arguments["checkpoints"])
    form = lazily("models.tables.lines:TextFormat")(arguments["encoding"], arguments["delimiter"] or "")
    shared = {name: arguments[name] for name in SHARED}
    shared["column"] = arguments["column"] or ""
    shared["ray"] = arguments["ray_address"] or ("local" if arguments["ray"] else "")
    request = lazily("app.bulk.run:Request")(task=task, options=passed(**options), form=form, **shared)
    raise typer.Exit(lazily("app.bulk.run:main")(settings, request))
