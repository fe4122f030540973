"""`carousel serve` and `carousel state-key`."""

import gc
from typing import Annotated

import typer

from app.cli.options import Checkpoints, lazily


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (CAROUSEL_HOST).", show_default=False)] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (CAROUSEL_PORT).", show_default=False)] = None,
    checkpoints: Checkpoints = None,
) -> None:
    """Serve all models over HTTP; Ctrl-C stops it."""
    settings = lazily("app.cli.environment:serving_settings")(host=host, port=port, checkpoints=checkpoints)
    lazily("app.cli.listen:check_address")(settings)  # before PyTorch is imported and models are loaded
    gc.disable()  # what is imported and loaded stays; the server turns the collector on once it listens
    try:
        several = settings.http_processes > 1
        started = lazily("app.cli.serving:supervise" if several else "app.cli.serving:run")(settings)
    finally:
        gc.enable()
    if not started:
        raise typer.Exit(1)


def state_key() -> None:
    """Make a key for CAROUSEL_STATE_KEY, which encrypts the states that clients store."""
    typer.echo(lazily("cryptography.fernet:Fernet.generate_key")().decode())
