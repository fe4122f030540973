"""`carousel serve` and `carousel state-key`."""

from typing import Annotated

import typer
from cryptography.fernet import Fernet

from app.cli.options import Checkpoints, settings_of
from app.factories import load_registry
from app.http import server
from app.main import create_app
from app.settings import check_public
from app.telemetry.logs import configure_logging


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (CAROUSEL_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (CAROUSEL_PORT).")] = None,
    checkpoints: Checkpoints = None,
) -> None:
    """Serve all models over HTTP."""
    settings = settings_of(host=host, port=port, checkpoints=checkpoints)
    check_public(settings)
    registry = load_registry(settings)  # before the server starts, so that a damaged checkpoint is a line of error
    configure_logging()
    application = create_app(settings, registry)
    if not server.run(application, settings, lambda url: typer.echo(f"Carousel is ready: open {url}", err=True)):
        raise typer.Exit(1)


def state_key() -> None:
    """Make a key for CAROUSEL_STATE_KEY, which encrypts the states that clients store."""
    typer.echo(Fernet.generate_key().decode())
