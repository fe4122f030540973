"""What the commands of `catalog` do. The table reads no weights and imports no PyTorch."""

from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from app.catalog.defaults import Default, check_named, choose_defaults, uses_of
from app.catalog.folder import checkpoint_paths
from app.cli.environment import settings_of
from app.cli.options import lazily
from app.settings import Settings
from models.checkpoint_files import mark_default
from models.errors import CheckpointError
from models.peek import Peeked, peek


def print_table(checkpoints: Path | None) -> None:
    """Print a line for each checkpoint. Their checksums are verified where they are loaded, not here."""
    settings = settings_of(checkpoints=checkpoints)
    models = _peek_all(settings)
    defaults = _defaults(models, settings)
    columns = ("name", "kind", "languages", "parameters", "size", "default for")
    table = Table(*columns, box=None, pad_edge=False)  # so the shipped models fit on 80 columns
    for model in models:
        size = f"{model.size_bytes / 1e6:.1f} MB"
        uses = [use for use in uses_of(model) if defaults[use].model == model.name]
        languages = ", ".join(model.languages)
        table.add_row(model.name, model.kind, languages, f"{model.parameters:,}", size, "\n".join(uses))
    console = Console()
    console.width = max(console.width, console.measure(table, options=console.options.update(width=1000)).maximum)
    console.print(table)  # a narrow terminal wraps lines; no name is cut
    for default in defaults.values():
        if default.chosen_by == "order":
            typer.echo(str(default))


def print_json(checkpoints: Path | None) -> None:
    """Print what /models replies; for that they are loaded."""
    registry = lazily("app.factories:load_registry")(settings_of(checkpoints=checkpoints))
    reply = lazily("app.http.operations:list_models")(registry)
    typer.echo(reply.model_dump_json(indent=2, exclude_unset=True))


def mark(name: str, default: bool, checkpoints: Path | None) -> None:
    """Mark a checkpoint as a default, or no longer, and print what answers what it can."""
    settings = settings_of(checkpoints=checkpoints)
    mark_default(settings.checkpoints / name, default)
    models = _peek_all(settings)
    defaults = _defaults(models, settings)
    for use in uses_of(next(model for model in models if model.name == name)):
        typer.echo(str(defaults[use]))


def _peek_all(settings: Settings) -> list[Peeked]:
    """Raises CheckpointError for one that can't be read, unless bad ones are to be skipped."""
    models = []
    for path in checkpoint_paths(settings.checkpoints, settings.models):
        try:
            models.append(peek(path))
        except CheckpointError as error:
            if settings.bad_checkpoints == "refuse":
                raise
            typer.echo(f"warning: {error}", err=True)
    return models


def _defaults(models: list[Peeked], settings: Settings) -> dict[str, Default]:
    named = dict(settings.defaults)
    check_named(models, named)
    return choose_defaults(models, named)
