"""The `carousel` command: the service, and its answers from the shell.

PyTorch takes seconds to import, so the commands' modules hold only their arguments, and each imports what it does when
it runs: help and completion are there at once.
"""

import sys
from typing import Annotated

import typer

from app import __version__
from app.cli import answers, bench, bulk, catalog, keys, serve
from app.cli.failures import message_of
from app.cli.naming import NamingCommand

app = typer.Typer(no_args_is_help=True)
app.command()(serve.serve)
app.command(cls=NamingCommand)(answers.generate)
app.command(name="next", cls=NamingCommand)(answers.next_)
app.command(cls=NamingCommand)(answers.classify)
app.command(cls=NamingCommand)(answers.translate)
app.command(cls=NamingCommand)(answers.transcribe)
app.command(cls=NamingCommand)(answers.speak)
app.command(cls=NamingCommand)(answers.describe)
app.command(cls=NamingCommand)(answers.summarize)
app.command(cls=NamingCommand)(answers.draw)
app.command()(catalog.models)
app.command()(catalog.default)
app.command(name="state-key")(serve.state_key)
app.command(**bench.PASS_ON)(bench.bench)
app.add_typer(bulk.app, name="bulk")
app.add_typer(keys.app, name="keys")


def _show_version(show: bool) -> None:
    if show:
        typer.echo(f"carousel {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Serve recurrent models, or use them from the shell."""


def main() -> None:
    """Run the command; an error is one line, with status 2."""
    try:
        app()
    except Exception as error:
        message = message_of(error)
        if message is None:
            raise
        _fail(message)


def _fail(message: str) -> None:
    from rich.console import Console  # noqa: PLC0415 (only where there is an error)

    Console(stderr=True).print(f"error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(2)
