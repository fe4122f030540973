"""`carousel keys`: make, list and revoke API keys."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import lazily

if TYPE_CHECKING:
    from app.access.keys import KeyFile

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
    from rich.console import Console  # noqa: PLC0415 (help and completion need none of it)
    from rich.table import Table  # noqa: PLC0415

    table = Table("name", "id", "made")
    for key in _file(file).read():
        table.add_row(key.name, key.id, key.created)
    Console().print(table)


@app.command()
def revoke(name: Name, file: File = None) -> None:
    """Revoke a key: the service refuses it from the next request on."""
    _file(file).revoke(name)


def _file(option: Path | None) -> "KeyFile":
    from app.access.keys import KeyFile, KeyFileError  # noqa: PLC0415 (see above)

    path = option or lazily("app.settings:load_settings")().api_keys_file
    if path is None:
        raise KeyFileError("say which file of keys: --file PATH, or CAROUSEL_API_KEYS_FILE")
    return KeyFile(path)
