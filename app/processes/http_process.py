"""One of the HTTP processes: the application without models, on a socket that others listen on too."""

import math
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from app.http import server
from app.main import create_app
from app.processes.remote_backend import RemoteBackend
from app.settings import Settings


def run(
    settings: Settings, path: Path, process: str, listeners: Sequence[socket.socket], on_ready: Callable[[str], None]
) -> None:
    """Serve until a signal. path is the engine's socket; on_ready is called with the service's URL."""
    share = math.ceil(settings.max_connections / settings.http_processes)
    own = settings.model_copy(update={"max_connections": share})
    app = create_app(own, backend=RemoteBackend(own, path, process))
    server.run(app, own, on_ready, listeners)
