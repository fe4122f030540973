"""A server as a process: signals to stop, and to reload its checkpoints."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from cryptography.fernet import Fernet

PATIENCE_S = 60
LONG = {"prompt": "the man", "model": "language-en", "max_new_tokens": 1000, "seed": 1, "stream": True}


@pytest.fixture
def server(checkpoints: Path, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """`carousel serve` on a copy of the tiny checkpoints."""
    folder = tmp_path / "checkpoints"
    shutil.copytree(checkpoints, folder)
    with serving(folder) as made:
        yield made


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[SimpleNamespace]:
    environment = os.environ | {"CAROUSEL_PORT": "0", "CAROUSEL_CHECKPOINTS": str(folder)} | settings
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve"], env=environment, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert process.stderr
    output, lines = process.stderr, list[str]()
    for line in output:
        lines.append(line)
        if "ready: open" in line:
            break
    address = lines[-1].split("open ")[1].strip().rstrip("/")
    reader = threading.Thread(target=lambda: lines.extend(output))
    reader.start()
    yield SimpleNamespace(process=process, address=address, lines=lines, folder=folder)
    process.kill()
    process.wait()
    reader.join()
    output.close()


def endless_seed(address: str) -> int:
    """A seed whose text does not end within a thousand tokens."""
    for seed in range(200):
        body = LONG | {"seed": seed, "stream": False, "temperature": 0.0 if seed == 0 else 2.0}
        reply = httpx.post(f"{address}/generate", json=body, timeout=PATIENCE_S).json()
        if reply["usage"]["generated_tokens"] == 1000:
            return seed
    raise AssertionError("every text ends")


def test_sigterm_lets_streams_end(server: SimpleNamespace) -> None:
    seed = endless_seed(server.address)
    body = LONG | {"seed": seed, "temperature": 0.0 if seed == 0 else 2.0}
    with httpx.stream("POST", f"{server.address}/generate", json=body, timeout=PATIENCE_S) as response:
        lines = response.iter_lines()
        next(lines)
        server.process.send_signal(signal.SIGTERM)
        events = [line for line in lines if line.startswith("event:")]
    assert events[-1] == "event: done"
    assert server.process.wait(PATIENCE_S) in (0, -signal.SIGTERM)  # uvicorn passes the signal on when it is done
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.address}/readyz")


def test_a_stream_that_sigterm_ends_goes_on_elsewhere(checkpoints: Path) -> None:
    """The state in its last event continues the text on another server as if it had not been interrupted."""
    most = 200_000
    limits = {"CAROUSEL_MAX_NEW_TOKENS": str(most), "CAROUSEL_MAX_REQUEST_TOKENS": str(most)}
    common = {"CAROUSEL_STATE_KEY": Fernet.generate_key().decode(), **limits}
    body = LONG | {"return_state": True, "max_new_tokens": most, "min_new_tokens": most}
    with serving(checkpoints, CAROUSEL_SHUTDOWN_TIMEOUT_S="0.2", **common) as first:
        with httpx.stream("POST", f"{first.address}/generate", json=body, timeout=PATIENCE_S) as response:
            lines = response.iter_lines()
            next(lines)
            first.process.send_signal(signal.SIGTERM)
            data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
        assert first.process.wait(PATIENCE_S) in (0, -signal.SIGTERM)
    *pieces, done = data
    assert done["choices"][0]["finish_reason"] == "interrupted"
    begun = "".join(piece["text"] for piece in pieces)
    with serving(checkpoints, **common) as second:
        rest = {"state": done["state"], "max_new_tokens": 50, "min_new_tokens": 50}
        further = httpx.post(f"{second.address}/generate", json=rest, timeout=PATIENCE_S).json()
        count = done["usage"]["generated_tokens"] + 50
        whole = LONG | {"stream": False, "max_new_tokens": count, "min_new_tokens": count}
        expected = httpx.post(f"{second.address}/generate", json=whole, timeout=PATIENCE_S).json()
    assert begun + further["choices"][0]["text"] == expected["choices"][0]["text"]


def test_sighup_swaps_changed_checkpoints(server: SimpleNamespace) -> None:
    before = httpx.get(f"{server.address}/models/language-en").json()
    shutil.rmtree(server.folder / "language-en")
    shutil.copytree(server.folder / "language-tr", server.folder / "language-en")
    server.process.send_signal(signal.SIGHUP)
    await_event(server, "reloaded", {"models": ["language-en"]})
    after = httpx.get(f"{server.address}/models/language-en").json()
    assert after["version"] != before["version"]
    assert after["languages"] == ["tr"]


def test_a_model_that_comes_or_goes_changes_the_default_as_a_start_would(server: SimpleNamespace) -> None:
    shutil.copytree(server.folder / "sentiment-en", server.folder / "mails")
    for expected, others in (("mails", ["sentiment-en"]), ("sentiment-en", [])):
        server.process.send_signal(signal.SIGHUP)
        changed = ["mails"] if others else []
        await_event(server, "reloaded", {"models": changed})
        use = next(
            one for one in httpx.get(f"{server.address}/models").json()["defaults"] if one["use"] == "classify:en"
        )
        assert (use["model"], use["others"]) == (expected, others)
        reply = httpx.post(f"{server.address}/classify", json={"text": "a good film"}, timeout=PATIENCE_S)
        assert reply.json()["model"] == expected
        shutil.rmtree(server.folder / "mails", ignore_errors=True)


def test_a_damaged_checkpoint_is_not_swapped_in(server: SimpleNamespace) -> None:
    before = httpx.get(f"{server.address}/models").json()
    (server.folder / "sentiment-en" / "model.safetensors").write_bytes(b"no weights")
    server.process.send_signal(signal.SIGHUP)
    await_event(server, "reload_refused", {})
    assert httpx.get(f"{server.address}/models").json() == before


def await_event(server: SimpleNamespace, name: str, fields: dict[str, object]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        found = [json.loads(line) for line in list(server.lines) if line.startswith("{")]
        for event in found:
            if event["event"] == name and fields.items() <= event.items():
                return
        time.sleep(0.01)
    raise AssertionError(f"no event {name} in {server.lines}")
