"""`carousel models` and `carousel default`: which checkpoints there are, and which of them answer by default."""

from typing import Annotated

import typer

from app.cli.options import Checkpoints, Json, complete_model, lazily


def models(json: Json = False, checkpoints: Checkpoints = None) -> None:
    """List the models, and which of them answer where none is named."""
    lazily("app.cli.listing:print_json" if json else "app.cli.listing:print_table")(checkpoints)


def default(
    name: Annotated[str, typer.Argument(help="A model's name.", autocompletion=complete_model)],
    off: Annotated[bool, typer.Option("--off", help="No longer a default.")] = False,
    checkpoints: Checkpoints = None,
) -> None:
    """Mark a model as a default: it answers its languages where a request names no model."""
    lazily("app.cli.listing:mark")(name, not off, checkpoints)
