"""npm's @huggingface/inference and pip's langchain-huggingface, each in a process of its own, against a live server."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients.conftest import packages
from tests.conftest import Live, Serve

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
PROMPT = "the man sees"


def output(*command: str | Path, **environment: str) -> Any:
    """Of a program that exits with 0: standard output, as JSON."""
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def post(live: Live, path: str, key: str = "", **body: Any) -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.post(f"{live.url}{path}", json=body, headers=headers).json()


@pytest.fixture(scope="module", params=["", "right"], ids=["open", "closed"])
def key(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def service(serve: Serve, key: str) -> Live:
    return serve(api_keys=key)


def test_npm(service: Live, key: str) -> None:
    """Each task, a stream and an error; the answers are those of the native routes."""
    node = shutil.which("node")
    if not node or not (HERE / "npm" / "node_modules").exists():
        pytest.skip("needs node, and npm ci --prefix tests/clients/npm")
    answers = output(node, HERE / "npm" / "huggingface.mjs", service.url, key)
    body = {"prompt": PROMPT, "model": "language-en", "temperature": 1, "seed": 5, "max_new_tokens": 8}
    text = post(service, "/generate", key, **body)["choices"][0]["text"]
    assert answers["text"] == {"generated_text": text}
    assert "".join(answers["pieces"]) == text
    judged = post(service, "/classify", key, text="a very good film", model="sentiment-en")["results"][0]
    assert {one["label"]: one["score"] for one in answers["labels"]} == pytest.approx(judged["scores"])
    translated = post(service, "/translate", key, text="The man.", source="en", target="tr")["results"][0]
    assert answers["translation"] == {"translation_text": translated["text"]}
    name, status, message = answers["problem"]
    assert (name, status) == ("ProviderApiError", 404)
    assert "no such model" in message


def test_langchain(live: Live) -> None:
    """With its default parameters, awaited, streamed and stopped; the text is that of the native route."""
    path = os.pathsep.join([str(packages("langchain-huggingface")), os.environ.get("PYTHONPATH", "")])
    url = f"{live.url}/hf/language-en"
    answers = output(sys.executable, HERE / "langchain_endpoint.py", url, PROMPT, PYTHONPATH=path)
    sampling: dict[str, Any] = {
        "top_p": 0.95, "typical_p": 0.95, "temperature": 0.8, "seed": 5, "max_new_tokens": 12,
    }  # fmt: skip
    text = post(live, "/generate", prompt=PROMPT, model="language-en", **sampling)["choices"][0]["text"]
    assert answers["text"] == answers["awaited"] == "".join(answers["pieces"]) == text
    assert answers["stopped"] == text.partition("e")[0]
    assert answers["problem"].startswith("model: no such model")
