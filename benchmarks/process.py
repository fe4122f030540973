"""A server in its own process: start it, wait until it is ready, monitor it, and stop it with all its children."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import extras
from benchmarks.extras import BenchError

START_S = 180.0
STOP_S = 5.0
POLL_S = 0.1


@dataclass(frozen=True)
class Launch:
    """How a server is started, and the path that answers 200 when it is ready.

    command follows the Python interpreter; environment is added to this process's own.
    """

    command: tuple[str, ...]
    ready: str = "/readyz"
    environment: Mapping[str, str] = field(default_factory=dict)


class Monitor:
    """Measures a server's memory, and other programs' processor time, while its context lasts.

    peak_bytes is the peak of the resident memory of the server and its children (shared pages count
    for each); others_cpu is the number of cores that other programs or the host of a virtual machine took.
    """

    def __init__(self, pid: int) -> None:
        self.peak_bytes = 0
        self.others_cpu = 0.0
        self._psutil = extras.load("psutil")
        self._server = self._psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)

    def __enter__(self) -> "Monitor":
        self._begin = (time.monotonic(), self._others_s())
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        begin, others_s = self._begin
        self.others_cpu = max(0.0, (self._others_s() - others_s) / (time.monotonic() - begin))

    def _run(self) -> None:
        while not self._stop.wait(2 * POLL_S):
            resident = self._sum(self._server, lambda process: process.memory_info().rss)
            self.peak_bytes = max(self.peak_bytes, int(resident))

    def _others_s(self) -> float:
        """Processor time of the machine since its start, less that of this process and all its children."""
        times = self._psutil.cpu_times()
        busy = sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal"))
        this = self._psutil.Process()
        reaped = this.cpu_times().children_user + this.cpu_times().children_system
        return float(busy - reaped - self._sum(this, lambda process: sum(process.cpu_times()[:2])))

    def _sum(self, root: Any, measure: Callable[[Any], float]) -> float:
        """Over a process and its children, without those that end while they are read."""
        total = 0.0
        with suppress(self._psutil.Error):
            for process in (root, *root.children(recursive=True)):
                with suppress(self._psutil.Error):
                    total += measure(process)
        return total


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(launch: Launch, port: int, scratch: Path) -> Iterator[Monitor]:
    """Start a server that listens on port, and yield its monitor when it is ready.

    Its log and temporary files go to scratch. Raises BenchError with the last line of its log if it
    ends, or is not ready in time.
    """
    log = scratch / "server.log"
    environment = {**os.environ, "TMPDIR": str(scratch), **launch.environment}
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, *launch.command],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a process group of its own, which is stopped as a whole
        )
    try:
        _wait_until_ready(process, launch, port, log)
        with Monitor(process.pid) as monitor:
            yield monitor
    finally:
        _stop(process)


def _status(port: int, path: str) -> int:
    """The status of a GET, or 0 without an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=STOP_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def _wait_until_ready(process: subprocess.Popen[bytes], launch: Launch, port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while _status(port, launch.ready) != 200:
        ended = process.poll() is not None
        if ended or time.monotonic() > deadline:
            lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")
            event = f"ended with status {process.returncode}" if ended else "was not ready in time"
            raise BenchError(f"{' '.join(launch.command)} {event}: {last}")
        time.sleep(POLL_S)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children: those of some servers would go on listening."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
