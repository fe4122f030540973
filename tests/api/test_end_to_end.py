"""End to end: train three tiny models with the command, serve them, and send requests over HTTP."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import SENTENCES

pytestmark = pytest.mark.slow  # training, and a process for each command

TINY = ["--set", "epochs=1", "--set", "hidden=8", "--set", "embedding=8", "--set", "vocabulary_size=300"]
ENVIRONMENT = {**os.environ, "PYTHONWARNINGS": "default", "OMP_NUM_THREADS": "1"}


def train(kind: str, out: Path, data: Path, *options: str) -> None:
    command = [sys.executable, "-m", "trainer.cli", kind, "--out", str(out), "--train", str(data)]
    subprocess.run([*command, "--valid", str(data), *options, *TINY], check=True, env=ENVIRONMENT, capture_output=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of all kinds, made by `carousel-train` from a text, a .jsonl and a .tsv."""
    folder = tmp_path_factory.mktemp("trained")
    text, labelled, pairs = (folder / name for name in ("text.txt", "labelled.jsonl", "pairs.tsv"))
    text.write_text("\n".join(SENTENCES * 4), encoding="utf-8")
    rows = [{"text": text, "label": "good" if index % 2 else "bad"} for index, text in enumerate(SENTENCES * 4)]
    labelled.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    lines = [f"{left}\t{right}" for left, right in zip(SENTENCES[:4], SENTENCES[4:], strict=True)]
    pairs.write_text("\n".join(lines * 4), encoding="utf-8")
    train("language", folder / "checkpoints" / "words", text, "--language", "en", "--set", "batch_size=4")
    train("classifier", folder / "checkpoints" / "judge", labelled, "--language", "en")
    train("translator", folder / "checkpoints" / "both-ways", pairs, "--languages", "en,tr")
    return folder / "checkpoints"


@pytest.fixture(scope="module")
def address(trained: Path) -> Iterator[str]:
    """A live server in its own process, on a free port."""
    command = [sys.executable, "-m", "app", "serve", "--port", "0", "--checkpoints", str(trained)]
    process = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if found := re.search(r"Carousel is ready: open (http://\S+)", line):
            yield found[1]
            process.terminate()
            _, rest = process.communicate(timeout=30)
            assert process.returncode == -signal.SIGTERM, rest  # uvicorn exits by the signal that it was sent
            for event in rest.splitlines():
                json.loads(event)
            return
    pytest.fail("it never got ready: " + "".join(lines))


def test_all_endpoints_answer(address: str) -> None:
    with httpx.Client(base_url=address, timeout=30) as client:
        names = {model["name"] for model in client.get("/models").json()["models"]}
        assert names == {"words", "judge", "both-ways"}
        for path, body in {
            "/generate": {"prompt": "the man", "max_new_tokens": 5},
            "/next-word-probs": {"text": "the man"},
            "/classify": {"text": "a good film", "explain": True},
            "/translate": {"text": "the man sees the dog", "source": "en", "target": "tr", "attention": True},
            "/tokenize": {"text": "the man", "model": "words"},
        }.items():
            response = client.post(path, json=body)
            assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        (["generate", "the man", "--max-new-tokens", "3", "--seed", "1"], r"^the man"),
        (["next", "the man", "--top", "2"], r"(?s)%.*%.*\(all else\)"),
        (["classify", "a good film", "--explain"], r"(?s)^(good|bad)  \d+\.\d%\n  [+-]\d\.\d"),
        (["translate", "the man", "--from", "en", "--to", "tr"], r"\n"),
        (["models", "--json"], r'"models": \['),
    ],
)
def test_the_shell_gives_the_same_answers(trained: Path, command: list[str], wanted: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", *command, "--checkpoints", str(trained)],
        env=ENVIRONMENT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert re.search(wanted, done.stdout), done.stdout


def test_standard_input_and_json(trained: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "classify", "--lines", "--json", "--checkpoints", str(trained)],
        input="a good film\n\nthe story was bad\n", env=ENVIRONMENT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(json.loads(done.stdout)["results"]) == 2


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["classify", "text", "--model", "words"], "error: no such model; there are judge"),
        (["translate", "the man", "--to", "fr"], "error: no model translates to that language"),
        (["generate", " "], "error: text: there is no text"),
        (["models", "--checkpoints", "/nowhere"], "error: /nowhere: no such folder"),
    ],
)
def test_refusals_are_one_line(trained: Path, command: list[str], message: str) -> None:
    where = [] if "--checkpoints" in command else ["--checkpoints", str(trained)]
    done = subprocess.run(
        [sys.executable, "-m", "app", *command, *where], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.startswith(message), done.stderr.count("\n")) == (2, True, 1), done.stderr
