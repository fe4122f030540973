"""`carousel serve` with several HTTP processes: signals, and processes that are killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tests.api.test_signals import PATIENCE_S, await_event, serving
from tests.api.test_stopping import STOPPED, loop_reconnecting, loop_reusing

pytestmark = pytest.mark.slow
SEVERAL = {
    "CAROUSEL_HTTP_PROCESSES": "2",
    "CAROUSEL_MAX_NEW_TOKENS": "20000",
    "CAROUSEL_REQUEST_TIMEOUT_S": "600",
    "CAROUSEL_SHUTDOWN_TIMEOUT_S": "600",
}
STREAMS = 24
LONG = {"prompt": "the man", "model": "language-en", "max_new_tokens": 1500, "min_new_tokens": 1500, "stream": True}


@pytest.fixture(scope="module")
def service(checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    folder = tmp_path_factory.mktemp("service") / "checkpoints"
    shutil.copytree(checkpoints, folder)
    with serving(folder, **SEVERAL) as made:
        yield made


def children(service: SimpleNamespace) -> dict[str, int]:
    """The ids of the processes by name; the engine's is the elder of two, whose other is its spare."""
    found: dict[str, tuple[int, int]] = {}
    for directory in Path("/proc").iterdir():
        try:
            status = (directory / "stat").read_text().rpartition(")")[2].split()
            arguments = (directory / "cmdline").read_text().split("\0")
        except (OSError, ValueError, IndexError):
            continue
        if int(status[1]) == service.process.pid and "app.cli.child" in arguments:
            role = arguments.index("app.cli.child") + 1
            name = "engine" if arguments[role] == "engine" else arguments[role + 2]
            started = int(status[19]), int(directory.name)
            found[name] = min(found.get(name, started), started)
    return {name: pid for name, (_, pid) in found.items()}


@dataclass(frozen=True)
class Event:
    name: str
    id: str
    data: Any


def lives(pid: int) -> bool:
    """Whether a process has not ended; one that nobody has waited for has no command line any more."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


class Streams:
    """Streams that run at the same time, each in a thread; `begin` returns once all have their first event."""

    def __init__(self, address: str, body: dict[str, Any] = LONG, count: int = STREAMS) -> None:
        self._address, self._body = address, body
        self._barrier = threading.Barrier(count + 1)
        self._pool = ThreadPoolExecutor(count)
        self._futures = [self._pool.submit(self._read, seed) for seed in range(count)]

    def begin(self) -> None:
        self._barrier.wait(PATIENCE_S)

    def events(self) -> list[list[Event]]:
        """The events of each; the last one is "cut" where the connection ended before."""
        events = [future.result() for future in self._futures]
        self._pool.shutdown()
        return events

    def ends(self) -> list[str]:
        """The name of the last event of each."""
        return [events[-1].name for events in self.events()]

    def _read(self, seed: int) -> list[Event]:
        events: list[Event] = []
        fields: dict[str, str] = {}
        try:
            body = self._body | {"seed": seed}
            with httpx.stream("POST", f"{self._address}/generate", json=body, timeout=PATIENCE_S) as response:
                for line in response.iter_lines():
                    name, _, value = line.partition(": ")
                    fields[name] = value
                    if not line:
                        events.append(Event(fields["event"], fields["id"], json.loads(fields["data"])))
                        if len(events) == 1:
                            self._barrier.wait(PATIENCE_S)
        except httpx.TransportError:
            events.append(Event("cut", "", None))
        return events


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
    assert streams.ends() == ["done"] * 8


def test_a_killed_http_process_harms_only_its_own_clients(service: SimpleNamespace) -> None:
    before = children(service)
    assert set(before) == {"engine", "http-0", "http-1"}
    streams = Streams(service.address)
    streams.begin()
    owned = connections_of(before["http-0"], service.address)
    os.kill(before["http-0"], signal.SIGKILL)
    ends = streams.ends()
    assert ends.count("cut") <= owned
    assert ends.count("done") == STREAMS - ends.count("cut")
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


def test_the_streams_of_a_killed_engine_resume_on_the_next_one(service: SimpleNamespace) -> None:
    before, body = children(service), LONG | {"max_new_tokens": 5000, "min_new_tokens": 5000}
    streams = Streams(service.address, body)
    streams.begin()
    os.kill(before["engine"], signal.SIGKILL)
    interrupted = streams.events()
    assert {(events[-1].name, events[-1].data["status"]) for events in interrupted} == {("error", 503)}
    wait_for(lambda: is_ready(service))
    after = children(service)
    assert after.pop("engine") != before.pop("engine")
    assert after == before
    body |= {"seed": STREAMS - 1}
    begun = interrupted[-1][:-1]
    headers = {"Last-Event-ID": begun[-1].id}
    resumed = httpx.post(f"{service.address}/generate", json=body, headers=headers, timeout=PATIENCE_S).text
    rest = [json.loads(line.removeprefix("data: ")) for line in resumed.splitlines() if line.startswith("data: ")]
    whole = httpx.post(f"{service.address}/generate", json=body | {"stream": False}, timeout=PATIENCE_S).json()
    text = "".join(piece["text"] for piece in [*(event.data for event in begun), *rest[:-1]])
    assert text == whole["choices"][0]["text"]


def test_after_sigterm_streams_end_whole_and_no_client_is_reset(service: SimpleNamespace) -> None:
    """The last test of the service: it ends here."""
    outcomes: Counter[str] = Counter()
    loops = [loop_reusing, loop_reconnecting] * 8
    threads = [threading.Thread(target=loop, args=(service.address, outcomes)) for loop in loops]
    for thread in threads:
        thread.start()
    streams = Streams(service.address)
    streams.begin()
    wait_for(lambda: outcomes.total() >= 100)
    service.process.send_signal(signal.SIGTERM)
    ends = [events[-1] for events in streams.events()]
    assert [(end.name, end.data["usage"]["generated_tokens"]) for end in ends] == [("done", 1500)] * STREAMS
    for thread in threads:
        thread.join(PATIENCE_S)
    assert set(outcomes) <= {"200", "503"}, outcomes
    assert service.process.wait(PATIENCE_S) in STOPPED
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{service.address}/readyz")
    assert not children(service)


def test_a_second_sigint_ends_what_runs_and_logs_no_traceback(checkpoints: Path) -> None:
    with serving(checkpoints, **SEVERAL) as service:
        streams = Streams(service.address, LONG | {"max_new_tokens": 20_000, "min_new_tokens": 20_000}, 4)
        streams.begin()
        for _ in range(2):
            service.process.send_signal(signal.SIGINT)
            time.sleep(0.5)
        assert set(streams.ends()) <= {"done", "error"}
        service.process.wait(PATIENCE_S)
    assert "Traceback" not in "".join(service.lines)


def test_a_killed_supervisor_leaves_no_process(checkpoints: Path) -> None:
    with serving(checkpoints, **SEVERAL) as service:
        started = children(service)
        assert len(started) == 3
        service.process.kill()
        service.process.wait()
        wait_for(lambda: not any(map(lives, started.values())))


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
