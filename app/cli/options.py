"""Arguments and options that several commands have. No PyTorch is imported by the commands' own modules."""

from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Any

import typer


def complete_model(context: typer.Context, incomplete: str) -> list[str]:
    """The names of models that begin so, for the shell's completion."""
    from app.settings import load_settings  # noqa: PLC0415 (see `lazily`)
    from models.checkpoint_files import is_checkpoint  # noqa: PLC0415

    folder = context.params.get("checkpoints") or load_settings().checkpoints
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(incomplete) and is_checkpoint(path))


Texts = Annotated[
    list[str] | None, typer.Argument(help="Texts, each in quotes; default: standard input.", show_default=False)
]
Model = Annotated[
    str | None,
    typer.Option(
        help="A model's name; default: see `carousel models`.", show_default=False, autocompletion=complete_model
    ),
]
Language = Annotated[
    str | None, typer.Option(help="The text's language, such as tr; default: it is detected.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print the whole reply as JSON, one for each text.")]
Lines = Annotated[
    bool, typer.Option("--lines/--whole", help="Of standard input: each line is a text, or all of it is one.")
]
Checkpoints = Annotated[
    Path | None, typer.Option(help="Folder of checkpoints (CAROUSEL_CHECKPOINTS).", show_default=False)
]


def lazily(name: str) -> Callable[..., Any]:
    """The function "package.module:function", imported now: only a command that needs PyTorch waits for it."""
    function: Callable[..., Any] = resolve_name(name)
    return function


def passed(**options: Any) -> dict[str, Any]:
    """Options less those that were left out."""
    return {name: value for name, value in options.items() if value is not None}
