"""Every benchmark runs: a second or less of each, on tiny models. No test asserts a time."""

import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from subprocess import run as run_process

import httpx
import pytest
from typer.testing import CliRunner

from app.cli import cli
from benchmarks import command
from benchmarks.arms import ARMS
from benchmarks.measure import Plan
from benchmarks.rivals import reference, tutorial
from benchmarks.rivals.lengths import write_lengths
from benchmarks.texts import SOURCE_SENTENCES
from benchmarks.workloads import WORKLOADS, get_workload

SCRIPTS = Path(__file__).parents[2] / "benchmarks/scripts"


def run_script(name: str, *arguments: object) -> str:
    """What a script of benchmarks/scripts prints."""
    arguments = (SCRIPTS / f"{name}.py", *arguments)
    result = run_process([sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:] + result.stdout[-2000:]
    return result.stdout


@pytest.mark.anyio
@pytest.mark.parametrize("form", tutorial.FORMS)
@pytest.mark.parametrize("name", WORKLOADS)
async def test_the_tutorial_answers_every_workload(checkpoints: Path, name: str, form: str) -> None:
    workload = get_workload(name)
    app = tutorial.create_app(reference.load(command.find_checkpoint(checkpoints, workload.kind)), form)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        for body in islice(workload.bodies(1), 2):
            reply = await client.post(workload.path, json=body)
            assert reply.status_code == 200
            if workload.stream:
                assert reply.text.count("event: token") == body["max_new_tokens"]
            elif workload.counts_tokens:
                assert reply.json()["usage"]["generated_tokens"] == body["max_new_tokens"]


@pytest.mark.parametrize("stream", [False, True])
def test_litserve_generates_a_batch(checkpoints: Path, stream: bool) -> None:
    litserve = pytest.importorskip("benchmarks.rivals.litserve", exc_type=ImportError)
    api = (litserve.StreamedAPI if stream else litserve.BatchedAPI)(checkpoints / "language-en", stream)
    api.setup("cpu")
    bodies = list(islice(get_workload("generate").bodies(1), 3))
    rows = api.batch([api.decode_request(body) for body in bodies])
    replies = api.predict(rows)
    if stream:
        steps = list(replies)
        assert len(steps) == max(body["max_new_tokens"] for body in bodies)
    else:
        assert [api.encode_response(row)["usage"] for row in replies] == [row.usage for row in rows]
    assert [len(row.ids) for row in rows] == [body["max_new_tokens"] for body in bodies]


@pytest.mark.anyio
async def test_the_transformer_translates(tmp_path: Path) -> None:
    pytest.importorskip("ctranslate2")
    from benchmarks.rivals import transformer, transformer_model

    transformer_model.build(tmp_path / "model")
    write_lengths(tmp_path / "lengths.json", dict.fromkeys(SOURCE_SENTENCES, (5, 3)))
    batcher = transformer.Batcher(tmp_path / "model", tmp_path / "lengths.json", "1 x 2")
    app = transformer.create_app(batcher)
    body = next(get_workload("translate").bodies(1))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            reply = await client.post("/translate", json=body)
    assert len(reply.json()["results"][0]["text"].split()) == 3


def test_the_command_leads_to_the_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = CliRunner()
    shown = runner.invoke(cli.app, ["bench", "--help"])
    assert shown.exit_code == 0
    assert "--workload" in shown.output
    refused = runner.invoke(cli.app, ["bench", "--server", "X"])
    assert str(refused.exception) == "no server 'X'; there are A, B, C, D, T"
    monkeypatch.setitem(sys.modules, "benchmarks", None)
    missing = runner.invoke(cli.app, ["bench", "--help"])
    assert "pip install -e '.[bench]'" in str(missing.exception)


@pytest.mark.slow
def test_servers_are_measured_and_reported(checkpoints: Path, tmp_path: Path) -> None:
    """In processes of their own: Carousel under every workload, the tutorial's server, and batching by request."""
    pytest.importorskip("psutil")
    arms = tuple(replace(ARMS[name], forms=ARMS[name].forms[:1]) for name in "ACD")
    plan = Plan(arms, clients=(2,), shares=(0.5,), seconds=1.0, runs=1, warm_up_s=0.2)
    first, *others = WORKLOADS.values()
    compared = command.run(checkpoints, tmp_path / "compared", [first], plan)
    assert [(row.arm, row.load.is_open) for row in compared.rows] == [
        (name, is_open) for is_open in (False, True) for name in "ACD"
    ]
    alone = command.run(checkpoints, tmp_path / "alone", others, replace(plan, arms=arms[1:2], shares=()))
    for measurement in (*compared.measurements, *alone.measurements):
        assert measurement.summary.requests > 0
        assert not measurement.summary.errors
    assert {path.stem for path in tmp_path.glob("*/*.png")} == set(WORKLOADS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ("cost", "--rounds", 1, "--clients", 2, "--seconds", 0.5),
        ("hang-up", "--clients", 3),
        ("crowd", "--connections", 6, "--clients", 2, "--seconds", 0.5),
    ],
    ids=lambda options: options[0],
)
def test_http_shell(checkpoints: Path, options: tuple[object, ...]) -> None:
    assert "goal" in run_script("http_shell", *options, "--checkpoints", checkpoints)


def test_steps(checkpoints: Path) -> None:
    folders = (checkpoints / "language-en", checkpoints / "translation-en-tr")
    options = ("--rows", 2, "--rounds", 1, "--steps", 2, "--against", SCRIPTS.parents[1])
    lines = run_script("steps", *folders, *options).splitlines()
    assert len(lines) == 8
    assert all("ratio" in line for line in lines)


def test_next_words(checkpoints: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("the man sees the dog and the dog sees the man near the old bridge\n")
    printed = run_script("next_words", checkpoints / "language-en", tmp_path / "text", "--clients", 2, "--seconds", 0.5)
    assert "replies a second" in printed


@pytest.mark.slow
def test_reviews(checkpoints: Path) -> None:
    pytest.importorskip("numba")
    assert "compiled" in run_script("reviews", checkpoints / "sentiment-en", "--rounds", 2)


@pytest.mark.slow
def test_playground(checkpoints: Path) -> None:
    from tests.browser.conftest import CHROMIUM

    if not Path(CHROMIUM).exists():
        pytest.skip("no chromium")
    assert "from key to bars: p50" in run_script("playground", "--seconds", 1, "--checkpoints", checkpoints)


@pytest.mark.slow
def test_training_memory(tmp_path: Path) -> None:
    small = ("--gigabytes", 0.0002, "--seconds", 1, "--size", 16)
    assert "peak of anonymous memory" in run_script("training_memory", *small, "--folder", tmp_path / "corpus")


@pytest.mark.slow
def test_training_speed() -> None:
    small = ("--embedding", 16, "--hidden", 16, "--seconds", 0.5, "--rounds", 1)
    printed = run_script("training_speed", *small)
    assert "ratio" in printed
    assert " threads" in printed
