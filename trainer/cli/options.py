"""Options that several commands have."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import torch
import typer

from trainer.loop.allocator import usable_cores

Output = Annotated[Path, typer.Option("--out", help="The checkpoint directory to make.")]
Train = Annotated[
    list[str] | None,
    typer.Option("--train", help="Training data: FILE[:COLUMN,…] or hf:NAME[:CONFIGURATION]. Can be repeated."),
]
Valid = Annotated[
    list[str] | None,
    typer.Option("--valid", help="Validation data, likewise; if left out, every 20th row of --train is held out."),
]
Encoding = Annotated[str, typer.Option(help="Of the data files, such as windows-1254.")]
Delimiter = Annotated[str, typer.Option(help="Of .csv files, such as ';' or tab; detected if left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the metrics as JSON at the end; all else goes to stderr.")]
RecipeName = Annotated[str, typer.Option("--recipe", help="Start from a named recipe: see `carousel-train recipes`.")]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", help="Change a setting: NAME=VALUE; an unknown name lists them all.")
]
Root = Annotated[Path, typer.Option("--data", envvar="CAROUSEL_DATA", help="The folder that file names start from.")]
OtherRoot = Annotated[
    Path, typer.Option("--root", envvar="CAROUSEL_DATA", help="The folder that file names start from.")
]
Language = Annotated[str, typer.Option("--language", help="The language of the text, such as en.")]
Languages = Annotated[str, typer.Option("--languages", help="The two languages, in the data's order: en,tr")]
OneWay = Annotated[bool, typer.Option("--one-way", help="Only from the first language to the second.")]
Start = Annotated[
    Path | None,
    typer.Option("--from", help="A checkpoint to start from."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")]
PrepareOnly = Annotated[bool, typer.Option("--prepare-only", help="Prepare the data for a later run, and stop.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
BoardFolder = Annotated[Path | None, typer.Option("--tensorboard", help="A folder to write TensorBoard's events into.")]
Threads = Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0: one a core that it may use.")]


def use_threads(threads: int) -> None:
    """Let PyTorch compute on so many threads; 0: as many as there are cores for this process, at most."""
    torch.set_num_threads(threads or min(torch.get_num_threads(), usable_cores()))


def command_line() -> str:
    """The command as a person would type it again."""
    return shlex.join(["carousel-train", *(argument for argument in sys.argv[1:] if argument != "--resume")])
