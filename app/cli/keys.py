"""`carousel keys`: make, list and revoke API keys."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.access.keys import KeyFile, KeyFileError
from app.settings import load_settings

app = typer.Typer(help="API keys, in a file that the service reloads when it changes.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Whose key it is.")]
File = Annotated[
    Path | None, typer.Option("--file", help="The file of keys (CAROUSEL_API_KEYS_FILE).", show_default=False)
]


@app.command()
def add(name: Name, file: File = None) -> None:
    """Make a key, and print it: it can't be shown again."""
    typer.echo(_file(file).add(name))


@app.command(name="list")
def list_(file: File = None) -> None:
    """List the keys."""
    table = Table("name", "id", "made")
    for key in _file(file).read():
        table.add_row(key.name, key.id, key.created)
    Console().print(table)


@app.command()
def revoke(name: Name, file: File = None) -> None:
    """Revoke a key: the service refuses it from the next request on."""
    _file(file).revoke(name)


def _file(option: Path | None) -> KeyFile:
    path = option or load_settings().api_keys_file
    if path is None:
        raise KeyFileError("say which file of keys: --file PATH, or CAROUSEL_API_KEYS_FILE")
    return KeyFile(path)
