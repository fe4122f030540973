"""What `carousel serve` does once its address is known to be free."""

import gc
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import typer

from app.cli.listen import bind
from app.settings import Settings


def run(settings: Settings) -> bool:
    """Load the models and serve until a signal; return whether it ever started."""
    from app.engine.engine import SWITCH_S  # noqa: PLC0415 (the supervisor of several processes needs no PyTorch)
    from app.factories import load_registry  # noqa: PLC0415

    sys.setswitchinterval(SWITCH_S)
    # beside it, since most of loading happens outside Python: what serves them is imported, and the schemas are built
    with ThreadPoolExecutor(1, "loading") as loader:
        loading = loader.submit(load_registry, settings)
        from app.backend import OneProcess  # noqa: PLC0415
        from app.catalog.detection import warm_up  # noqa: PLC0415
        from app.http import server  # noqa: PLC0415
        from app.main import create_app  # noqa: PLC0415

        backend = OneProcess(settings)
        app = create_app(settings, backend=backend)
        warm_up()
        backend.registry = loading.result()  # before the server starts: a damaged checkpoint is a line of error
    return server.run(app, settings, _announce)


def supervise(settings: Settings) -> bool:
    """Serve by several processes until a signal, which then ends this one too."""
    from app.processes import supervisor  # noqa: PLC0415

    gc.enable()  # the command turns it off, for the processes that load models
    listeners = bind(settings)
    number = supervisor.run(settings, listeners, _announce)
    signal.raise_signal(number)  # as a server does in one process
    return True


def _announce(url: str) -> None:
    typer.echo(f"Carousel is ready: open {url}", err=True)
