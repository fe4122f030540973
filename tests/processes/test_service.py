"""`carousel serve` with several HTTP processes: signals, and processes that are killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tests.api.test_signals import PATIENCE_S, await_event, serving
from tests.api.test_stopping import STOPPED

pytestmark = pytest.mark.slow
SEVERAL = {"CAROUSEL_HTTP_PROCESSES": "2", "CAROUSEL_MAX_NEW_TOKENS": "20000"}
STREAMS = 24
LONG = {"prompt": "the man", "model": "language-en", "max_new_tokens": 1500, "min_new_tokens": 1500, "stream": True}


@pytest.fixture(scope="module")
def service(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    folder = tmp_path_factory.mktemp("service") / "checkpoints"
    shutil.copytree(checkpoints, folder)
    with serving(folder, **SEVERAL) as made:
        yield made


def children(service: SimpleNamespace) -> dict[str, int]:
    """The ids of the processes by name."""
    found = {}
    for directory in Path("/proc").iterdir():
        try:
            parent = int((directory / "stat").read_text().rpartition(")")[2].split()[1])
            arguments = (directory / "cmdline").read_text().split("\0")
        except (OSError, ValueError, IndexError):
            continue
        if parent == service.process.pid and "app.cli.child" in arguments:
            role = arguments.index("app.cli.child") + 1
            found["engine" if arguments[role] == "engine" else arguments[role + 2]] = int(directory.name)
    return found


class Streams:
    """Streams that run at the same time, each in a thread; begun is set once all have their first event."""

    def __init__(self, address: str, body: dict[str, Any] = LONG, count: int = STREAMS) -> None:
        self._address, self._body = address, body
        self._barrier = threading.Barrier(count + 1)
        self._pool = ThreadPoolExecutor(count)
        self._futures = [self._pool.submit(self._read, seed) for seed in range(count)]

    def begin(self) -> None:
        self._barrier.wait(PATIENCE_S)

    def ends(self) -> list[tuple[str, Any]]:
        """The last event of each, and its data; "cut" where the connection ended before."""
        ends = [future.result() for future in self._futures]
        self._pool.shutdown()
        return ends

    def _read(self, seed: int) -> tuple[str, Any]:
        events: list[tuple[str, Any]] = []
        begun = False
        try:
            body = self._body | {"seed": seed}
            with httpx.stream("POST", f"{self._address}/generate", json=body, timeout=PATIENCE_S) as response:
                name = ""
                for line in response.iter_lines():
                    if line.startswith("event: "):
                        name = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        events.append((name, json.loads(line.removeprefix("data: "))))
                        if not begun:
                            begun = True
                            self._barrier.wait(PATIENCE_S)
        except httpx.TransportError:
            return "cut", None
        return events[-1]


def wait_for(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def is_ready(service: SimpleNamespace) -> bool:
    """Whether ten new connections in a row reach processes that are ready."""
    try:
        return all(httpx.get(f"{service.address}/readyz", timeout=PATIENCE_S).is_success for _ in range(10))
    except httpx.TransportError:
        return False


def test_a_reload_reaches_all_processes_under_load(service: SimpleNamespace) -> None:
    streams = Streams(service.address, count=8)
    streams.begin()
    shutil.rmtree(service.folder / "sentiment-en")
    shutil.copytree(service.folder / "sentiment-tr", service.folder / "sentiment-en")
    service.process.send_signal(signal.SIGHUP)
    await_event(service, "reloaded", {"models": ["sentiment-en"]})
    for _ in range(10):
        assert httpx.get(f"{service.address}/models/sentiment-en", timeout=PATIENCE_S).json()["languages"] == ["tr"]
    assert [name for name, _ in streams.ends()] == ["done"] * 8


def test_a_killed_http_process_harms_only_its_own_clients(service: SimpleNamespace) -> None:
    before = children(service)
    assert set(before) == {"engine", "http-0", "http-1"}
    streams = Streams(service.address)
    streams.begin()
    owned = connections_of(before["http-0"], service.address)
    os.kill(before["http-0"], signal.SIGKILL)
    ends = [name for name, _ in streams.ends()]
    assert ends.count("cut") == owned
    assert ends.count("done") == STREAMS - owned
    wait_for(lambda: children(service).get("http-0", before["http-0"]) != before["http-0"])
    wait_for(lambda: is_ready(service))
    assert children(service)["engine"] == before["engine"]


def connections_of(pid: int, address: str) -> int:
    """How many connections to the service a process has open."""
    port = f"{int(address.rpartition(':')[2]):04X}"
    established = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port}") and line.split()[3] == "01"
    }
    links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    return sum(link.removeprefix("socket:[").removesuffix("]") in established for link in links)


def test_a_killed_engine_ends_its_streams_and_is_replaced(service: SimpleNamespace) -> None:
    before = children(service)
    streams = Streams(service.address)
    streams.begin()
    os.kill(before["engine"], signal.SIGKILL)
    ends = streams.ends()
    assert {name for name, _ in ends} == {"error"}
    assert {data["status"] for _, data in ends} == {503}
    wait_for(lambda: is_ready(service))
    after = children(service)
    assert after.pop("engine") != before.pop("engine")
    assert after == before
    assert httpx.post(f"{service.address}/generate", json=LONG | {"seed": 1}, timeout=PATIENCE_S).is_success


def test_streams_end_whole_after_sigterm(service: SimpleNamespace) -> None:
    """The last test of the service: it ends here."""
    streams = Streams(service.address)
    streams.begin()
    service.process.send_signal(signal.SIGTERM)
    assert [(name, data["usage"]["generated_tokens"]) for name, data in streams.ends()] == [("done", 1500)] * STREAMS
    assert service.process.wait(PATIENCE_S) in STOPPED
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{service.address}/readyz")
    assert not children(service)


def test_a_damaged_checkpoint_is_one_line_of_error(checkpoints: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    shutil.copytree(checkpoints, folder)
    (folder / "sentiment-en" / "model.safetensors").write_bytes(b"no weights")
    environment = os.environ | SEVERAL | {"CAROUSEL_PORT": "0", "CAROUSEL_CHECKPOINTS": str(folder)}
    result = subprocess.run(
        [sys.executable, "-m", "app", "serve"], env=environment, capture_output=True, text=True, check=False
    )
    errors = [line for line in result.stderr.splitlines() if not line.startswith("{")]
    assert len(errors) == 1
    assert "sentiment-en/model.safetensors" in errors[0]
    assert result.returncode == 2
