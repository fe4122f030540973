"""POST /train: lessons, one at a time, in a process of their own, where settings allow them."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.catalog.registry import Registry
from app.http.routes.train import LESSON_S
from app.lessons import classroom
from app.lessons.characters import COMPARED, MAX_CHARACTERS, OTHER, SAMPLE, Lesson
from app.lessons.messages import Turn
from app.lessons.worker import give
from app.main import create_app
from app.settings import Settings
from tests.api.test_errors import hang_up

pytestmark = pytest.mark.anyio
TEXT = "the man sees the dog and the dog sees the man, and the boy sees the girl. " * 4
BODY: dict[str, Any] = {"text": TEXT, "steps": 2, "seed": 1}
LONG = {**BODY, "steps": 200}
ON = Settings(lessons=True)


async def client_of(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60) as client:
            yield client


@pytest.fixture(scope="module")
def app(registry: Registry) -> Any:
    return create_app(ON, registry)


@pytest.fixture(scope="module")
async def client(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async for client in client_of(app):
        yield client


class TestALesson:
    def test_both_models_learn(self) -> None:
        lesson = Lesson(TEXT, 1)
        losses = [lesson.step() for _ in range(150)]
        for cell in COMPARED:
            assert losses[0][cell] > 4  # of some 20 characters, about log2(20) bits
            assert losses[-1][cell] < 0.7
            _, *words, _ = lesson.sample(cell).split()  # those at its ends may be cut
            assert set(words) <= set(TEXT.split())

    def test_saved_and_loaded_it_is_uninterrupted(self) -> None:
        whole, part = Lesson(TEXT, 7), Lesson(TEXT, 7)
        expected = [whole.step() for _ in range(6)]
        losses = [part.step() for _ in range(3)]
        again = Lesson(TEXT, 7)
        again.load(part.save())
        losses += [again.step() for _ in range(3)]
        assert losses == expected
        assert [again.sample(cell) for cell in COMPARED] == [whole.sample(cell) for cell in COMPARED]
        assert Lesson(TEXT, 8).step() != expected[0]

    def test_rare_characters_are_one(self) -> None:
        text = "".join(map(chr, range(0x4E00, 0x4E00 + 200))) + "ab" * 20
        lesson = Lesson(text, 1)
        assert (len(lesson.characters), lesson.characters[-1]) == (MAX_CHARACTERS, OTHER)
        assert {"a", "b"} < set(lesson.characters)
        lesson.step()
        assert set(lesson.sample("rnn")) <= set(lesson.characters)

    def test_the_shortest_text(self) -> None:
        lesson = Lesson("a" * 20, 1)
        assert lesson.step() == pytest.approx({"rnn": 0, "lstm": 0})
        assert lesson.sample("lstm") == "a" * SAMPLE

    def test_a_turn_ends_with_its_time(self) -> None:
        trained = give(Turn(TEXT, 1, 1_000_000, 0.1))
        assert 1 <= trained.steps < 1_000_000
        assert len(trained.losses["rnn"]) == len(trained.losses["lstm"]) == trained.steps
        assert trained.seconds < 5


class TestWhereItIsOff:
    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({}, "CAROUSEL_LESSONS=true turns it on"),
            ({"lessons": True, "host": "192.0.2.1", "public_without_keys": True}, "no API key is needed"),
            ({"lessons": True, "http_processes": 2}, "CAROUSEL_HTTP_PROCESSES=1"),
        ],
    )
    async def test_it_is_a_403_that_says_why(self, registry: Registry, settings: Any, words: str) -> None:
        app = create_app(Settings(**settings), registry)
        async for client in client_of(app):
            response = await client.post("/train", json=BODY)
            assert (response.status_code, response.headers["content-type"]) == (403, "application/problem+json")
            assert words in response.json()["detail"]
            assert "lessons" not in (await client.get("/models")).json()
            assert app.state.classroom._worker is None

    async def test_with_keys_a_public_address_may_train(self, registry: Registry) -> None:
        settings = Settings(lessons=True, host="192.0.2.1", api_keys="right,other")
        async for client in client_of(create_app(settings, registry)):
            assert (await client.post("/train", json=BODY)).status_code == 401
            right, other = ({"authorization": f"Bearer {key}"} for key in ("right", "other"))
            begun = await client.post("/train", json=BODY | {"return_state": True}, headers=right)
            assert begun.status_code == 200
            further = BODY | {"state": begun.json()["state"]}
            assert (await client.post("/train", json=further, headers=right)).status_code == 200
            assert (await client.post("/train", json=further, headers=other)).status_code == 409


async def test_requests_that_go_on_are_one_training(client: httpx.AsyncClient) -> None:
    assert (await client.get("/models")).json()["lessons"] is True
    plain = (await client.post("/train", json=BODY)).json()
    assert plain.keys() == {"steps", "characters", "rnn", "lstm", "seed"}
    state: dict[str, Any] = {"seed": 1}
    losses: list[dict[str, float]] = []
    left = LESSON_S
    for number in (1, 2, 3):
        reply = (await client.post("/train", json={"text": TEXT, "steps": 2, "return_state": True, **state})).json()
        of_both = zip(reply["rnn"]["losses"], reply["lstm"]["losses"], strict=True)
        losses += [{"rnn": rnn, "lstm": lstm} for rnn, lstm in of_both]
        assert (reply["steps"], reply["seed"]) == (2 * number, 1)
        assert 0 < reply["seconds_left"] < left
        left, state = reply["seconds_left"], {"state": reply["state"]}
    lesson = Lesson(TEXT, 1)
    assert losses == [pytest.approx(lesson.step()) for _ in range(6)]
    assert {cell: reply[cell]["sample"] for cell in COMPARED} == {cell: lesson.sample(cell) for cell in COMPARED}
    assert reply["characters"] == len(lesson.characters)


async def test_the_time_of_a_training_ends(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.http.routes.train.LESSON_S", 0.001)
    reply = (await client.post("/train", json=LONG | {"return_state": True})).json()
    assert reply["steps"] == 1
    assert reply["seconds_left"] == 0
    assert "state" not in reply


async def test_a_state_goes_with_its_text_and_seed(client: httpx.AsyncClient) -> None:
    state = (await client.post("/train", json=BODY | {"return_state": True})).json()["state"]
    generated = await client.post(
        "/generate", json={"prompt": "the", "model": "language-en", "max_new_tokens": 1, "return_state": True}
    )
    for changes in (
        {"text": TEXT + "!", "state": state}, {"seed": 2, "state": state}, {"state": "altered"},
        {"state": generated.json()["state"]},
    ):  # fmt: skip
        response = await client.post("/train", json=BODY | changes)
        assert response.status_code == 409
        assert response.json()["errors"][0]["pointer"] == "/state"
    refused = await client.post("/generate", json={"prompt": "the", "model": "language-en", "state": state[:100]})
    assert refused.status_code == 409


async def test_one_at_a_time(app: Any, client: httpx.AsyncClient) -> None:
    responses = await asyncio.gather(*(client.post("/train", json=LONG) for _ in range(4)))
    assert sorted(response.status_code for response in responses) == [200, 429, 429, 429]
    refused = next(response for response in responses if response.status_code == 429)
    assert refused.headers["retry-after"] == "1"
    assert "one runs at a time" in refused.json()["detail"]
    assert (await client.post("/train", json=BODY)).status_code == 200
    steps = [sample for family in app.state.metrics.families() for sample in family[3] if "training_steps" in sample[0]]
    assert next(value for name, _, value in steps if name.endswith("_total")) > 3


async def test_a_client_that_hangs_up_ends_its_training(app: Any, client: httpx.AsyncClient) -> None:
    """With its turn, which computes for a second: then the next client trains."""
    room = app.state.classroom
    assert await hang_up(app, "/train", LONG, after=lambda: room._running is not None) == 499
    give_up = time.monotonic() + 30
    while (response := await client.post("/train", json=BODY)).status_code == 429:
        assert time.monotonic() < give_up
        await asyncio.sleep(0.05)
    assert response.status_code == 200
    await asyncio.sleep(0.2)
    used = processor_time(room)
    await asyncio.sleep(1)
    assert processor_time(room) - used < 0.3


def processor_time(room: Any) -> float:
    """The seconds that a classroom's process has computed."""
    fields = Path(f"/proc/{room._worker._process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_others_are_served_in_the_meantime(app: Any, client: httpx.AsyncClient) -> None:
    await client.post("/train", json=BODY)  # the process runs
    room = app.state.classroom
    assert os.getpriority(os.PRIO_PROCESS, room._worker._process.pid) > os.getpriority(os.PRIO_PROCESS, 0) + 4
    training = asyncio.create_task(client.post("/train", json=LONG))
    while room._running is None or room._running.done():
        await asyncio.sleep(0.001)
    answered = 0
    while not room._running.done():
        response = await client.post("/next-word-probs", json={"text": "the", "model": "language-en"})
        answered += response.status_code == 200
    assert answered > 5
    assert (await training).status_code == 200


async def test_a_process_that_ends_is_a_503_and_is_started_again(app: Any, client: httpx.AsyncClient) -> None:
    await client.post("/train", json=BODY)
    app.state.classroom._worker._process.kill()
    response = await client.post("/train", json=BODY)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert (await client.post("/train", json=BODY)).status_code == 200


async def test_a_process_that_does_not_answer_is_a_504(
    app: Any, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.post("/train", json=BODY)
    process = app.state.classroom._worker._process
    process.send_signal(19)  # SIGSTOP
    monkeypatch.setattr(classroom, "PATIENCE_S", 0.2)
    assert (await client.post("/train", json=BODY)).status_code == 504
    assert process.returncode is not None
    monkeypatch.undo()
    assert (await client.post("/train", json=BODY)).status_code == 200


async def test_an_idle_process_ends(app: Any, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classroom, "IDLE_S", 0.05)
    await client.post("/train", json=BODY)
    process = app.state.classroom._worker._process
    while process.returncode is None:
        await asyncio.sleep(0.01)
    assert app.state.classroom._worker is None


async def test_a_step_costs_tokens(registry: Registry) -> None:
    settings = Settings(lessons=True, rate_limit="12/hour")
    async for client in client_of(create_app(settings, registry)):
        assert (await client.post("/train", json=BODY)).status_code == 200
        refused = await client.post("/train", json=BODY)
        assert (refused.status_code, "it costs 10 tokens" in refused.json()["detail"]) == (429, True)
        assert (await client.post("/train", json=LONG)).status_code == 422


async def test_what_a_client_writes_is_in_no_log(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    text = "xyzzy is what the user wrote"
    assert (await client.post("/train", json=BODY | {"text": text})).status_code == 200
    assert (await client.post("/train", json=BODY | {"text": text, "state": "x"})).status_code == 409
    printed = capfd.readouterr()
    assert "xyzzy" not in "".join([caplog.text, printed.out, printed.err])
