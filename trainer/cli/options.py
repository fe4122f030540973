"""Options that several commands have."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import torch
import typer

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
Threads = Annotated[int, typer.Option("--threads", min=0, help="CPU threads; 0: one a core.")]


def use_threads(threads: int) -> None:
    """Let PyTorch compute on so many threads; 0 leaves it as it is."""
    if threads:
        torch.set_num_threads(threads)


def command_line() -> str:
    """The command as a person would type it again."""
    return shlex.join(["carousel-train", *(argument for argument in sys.argv[1:] if argument != "--resume")])
