"""What `carousel serve` does once its address is known to be free."""

import typer

from app.factories import load_registry
from app.http import server
from app.main import create_app
from app.settings import Settings


def run(settings: Settings) -> bool:
    """Load the models and serve until a signal; return whether it ever started."""
    registry = load_registry(settings)  # before the server starts, so that a damaged checkpoint is a line of error
    application = create_app(settings, registry)
    return server.run(application, settings, lambda url: typer.echo(f"Carousel is ready: open {url}", err=True))
