"""Arguments and options that several commands have."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from app.settings import Settings, load_settings

TextArgument = Annotated[
    list[str] | None, typer.Argument(help="The text; default: standard input.", show_default=False)
]
Model = Annotated[str | None, typer.Option(help="A model's name; default: one for the text's language.")]
Language = Annotated[
    str | None, typer.Option(help="The text's language, such as tr; default: it is detected.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print the whole reply as JSON.")]
Lines = Annotated[bool, typer.Option("--lines", help="Each line is a separate text.")]
Checkpoints = Annotated[Path | None, typer.Option(help="Folder of checkpoints (CAROUSEL_CHECKPOINTS).")]


def settings_of(**options: object) -> Settings:
    """The settings of the environment, under the options that were passed."""
    return load_settings(**passed(**options))


def passed(**options: Any) -> dict[str, Any]:
    """Options less those that were left out."""
    return {name: value for name, value in options.items() if value is not None}


def read_text(words: list[str] | None) -> str:
    """The text of the arguments, or of standard input."""
    return " ".join(words) if words else sys.stdin.read().removesuffix("\n")


def read_texts(words: list[str] | None, lines: bool) -> str | list[str]:
    """As read_text; with lines, a list of those that are not blank."""
    text = read_text(words)
    return [line for line in text.splitlines() if line.strip()] if lines else text
