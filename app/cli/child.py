"""What the supervisor starts: `python -m app.cli.child engine SOCKET`, or `… http SOCKET NAME LISTENER…`.

It imports what it needs, and begins when the first byte comes on its standard input. It says on its standard output, in
a line of JSON, that it is ready, or why it can't be, and closes it. It ends when its standard input does: then the
supervisor has died.
"""

import gc
import os
import signal
import socket
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TextIO

from app.cli.failures import message_of
from app.settings import load_settings
from app.telemetry.logs import configure_logging
from models.json_text import dumps


def main() -> None:
    role, path, *others = sys.argv[1:]
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # nothing else may be written there
    begin = threading.Event()
    threading.Thread(target=_listen_to_supervisor, args=(begin,), name="supervisor", daemon=True).start()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the engine's process can reload
    gc.disable()  # as `carousel serve` in one process: what is imported and loaded stays
    try:
        settings = load_settings()
        configure_logging(for_people=sys.stderr.isatty())
        if role == "engine":
            from app.processes import engine_process  # noqa: PLC0415 (an error of settings needs no PyTorch)

            begin.wait()
            engine_process.run(settings, Path(path), partial(_say, channel, ready=""))
        else:
            from app.processes import http_process  # noqa: PLC0415

            begin.wait()
            name, *descriptors = others
            listeners = [socket.socket(fileno=int(number)) for number in descriptors]
            http_process.run(settings, Path(path), name, listeners, lambda url: _say(channel, ready=url))
    except KeyboardInterrupt:  # uvicorn passes SIGINT on when it is done
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        message = message_of(error)
        if message is None or channel.closed:
            raise
        _say(channel, error=message)
        sys.exit(2)


def _say(channel: TextIO, **fields: str) -> None:
    print(dumps(fields), file=channel, flush=True)
    channel.close()


def _listen_to_supervisor(begin: threading.Event) -> None:
    while os.read(0, 1):
        begin.set()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
