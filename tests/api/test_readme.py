"""The README's examples show the responses of the shipped models."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.settings import Settings

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(
    r"```bash\ncurl localhost:8000(?P<path>\S+) .*?-d '(?P<body>.*?)'\n```\n\n```json\n(?P<reply>.*?)```", re.DOTALL
)
EXAMPLES = [
    (found["path"], json.loads(found["body"]), json.loads(found["reply"])) for found in EXAMPLE.finditer(README)
]


@pytest.fixture(scope="module", params=["auto", "float32"])
async def shipped(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with the models in checkpoints/.

    In float32 too: an example that is the same in int8 and float32 does not depend on the CPU's instructions.
    """
    app = create_app(Settings(checkpoints=ROOT / "checkpoints", precision=request.param))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


def about(value: object) -> object:
    """The value, with a tolerance for numbers, since int8 and float32 differ."""
    if isinstance(value, float):
        return pytest.approx(value, rel=0.02, abs=0.01)
    if isinstance(value, list):
        return [about(entry) for entry in value]
    return {key: about(entry) for key, entry in value.items()} if isinstance(value, dict) else value


def test_there_is_one_example_for_each_endpoint() -> None:
    assert {path for path, _, _ in EXAMPLES} == {"/generate", "/next-word-probs", "/classify", "/translate"}


@pytest.mark.parametrize(("path", "body", "reply"), EXAMPLES)
async def test_examples_are_true(shipped: httpx.AsyncClient, path: str, body: dict, reply: dict) -> None:
    response = await shipped.post(path, json=body)
    assert response.json() == about(reply)


def test_the_settings_table_is_complete() -> None:
    for name, field in Settings.model_fields.items():
        default = field.default if field.default not in ((), None) else "all" if name == "models" else "none"
        assert f"| `CAROUSEL_{name.upper()}` | `{default}` | {field.description} |" in README


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_links_lead_somewhere(target: str) -> None:
    assert (ROOT / target).exists()
