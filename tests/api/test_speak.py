"""Speech over HTTP: the same text, voice and seed sound the same; an unknown word is named by its place."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
import torch

from app.catalog.loading import Choice, load_models
from app.catalog.registry import Registry
from app.main import create_app
from app.settings import Settings
from tests.sounds import RATE, save_tiny_speaker

pytestmark = pytest.mark.anyio
TEXT = {"text": "three seven one", "voice": "theo", "seed": 5}


@pytest.fixture(scope="module")
def speakers(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    folder = tmp_path_factory.mktemp("speakers")
    save_tiny_speaker(folder / "digits")
    return load_models(Choice(folder), torch.device("cpu"))


@pytest.fixture
async def speaking(speakers: Registry) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(max_spoken_characters=20), speakers)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


async def spoken(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    response = await client.post("/speak", json=TEXT | body)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "audio/wav"
    return response


def samples(content: bytes) -> tuple[Any, int]:
    wave, rate = soundfile.read(io.BytesIO(content), dtype="float32")
    return wave, rate


async def test_a_wav_file_that_seed_and_voice_decide(speaking: httpx.AsyncClient) -> None:
    reply = await spoken(speaking)
    assert (reply.headers["carousel-voice"], reply.headers["carousel-seed"]) == ("theo", "5")
    wave, rate = samples(reply.content)
    assert rate == RATE
    assert wave.ndim == 1
    assert 0.5 < len(wave) / rate < 5
    assert np.abs(wave).max() > 0.01
    assert (await spoken(speaking)).content == reply.content
    assert (await spoken(speaking, seed=6)).content != reply.content
    assert (await spoken(speaking, voice="george")).content != reply.content


async def test_what_is_left_out_is_in_the_headers(speaking: httpx.AsyncClient) -> None:
    free = await speaking.post("/speak", json={"text": "two"})
    known = {"voice": free.headers["carousel-voice"], "seed": int(free.headers["carousel-seed"])}
    assert (await speaking.post("/speak", json={"text": "two", **known})).content == free.content
    voices = {
        (await speaking.post("/speak", json={"text": "two", "seed": seed})).headers["carousel-voice"]
        for seed in range(12)
    }
    assert voices == {"george", "theo"}


@pytest.mark.parametrize(
    "text",
    [
        "371",
        "3 7 1",
        "3, 7 - 1!",
        "THREE Seven oNe",
        "üç yedi bir",
        "ÜÇ YEDİ BİR",
        "three 71",
        "\u0663\u0667\u0661",
        "three\nseven\tone",
    ],
)
async def test_figures_capitals_and_turkish_are_the_same_words(speaking: httpx.AsyncClient, text: str) -> None:
    assert (await spoken(speaking, text=text)).content == (await spoken(speaking)).content


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("three apples", "word 2, characters 7 to 12"),
        ("3rd", "word 1, characters 1 to 3"),
        ("one, two, ten", "word 3, characters 11 to 13"),
        ("sixth", "word 1"),
        ("3²", "word 1"),
        ("two + two", "character 5 is a symbol"),
        ("5 €", "character 3 is a symbol"),
        ("?!", "it has no words"),
    ],
)
async def test_other_words_are_named_by_their_place(speaking: httpx.AsyncClient, text: str, words: str) -> None:
    response = await speaking.post("/speak", json={"text": text})
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["pointer"] == "/text"
    assert words in error["detail"]
    assert "character" in words or "eight, five" in error["detail"], "it says which words there are"


async def test_faster_is_shorter(speaking: httpx.AsyncClient) -> None:
    slow, own, fast = [len((await spoken(speaking, speed=speed)).content) for speed in (0.5, 1, 2)]
    assert slow == pytest.approx(2 * own, rel=0.1)
    assert fast == pytest.approx(own / 2, rel=0.15)


async def test_an_answer_is_the_same_alone_and_in_company(speaking: httpx.AsyncClient) -> None:
    bodies = [{"seed": seed, "text": " ".join(["four"] * (1 + seed % 3))} for seed in range(8)]
    alone = [(await spoken(speaking, **body)).content for body in bodies]
    together = await asyncio.gather(*(spoken(speaking, **body) for body in bodies))
    assert [reply.content for reply in together] == alone


async def test_limits(speaking: httpx.AsyncClient) -> None:
    for body, pointer in (
        ({"text": "1" * 21}, "/text"),
        ({"text": "  "}, "/text"),
        ({"voice": "alloy"}, "/voice"),
        ({"speed": 0.1}, "/speed"),
        ({"speed": 4.1}, "/speed"),
        ({"seed": -1}, "/seed"),
        ({"format": "mp3"}, "/format"),
    ):
        response = await speaking.post("/speak", json=TEXT | body)
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)
    assert (await speaking.post("/speak", json=TEXT | {"model": "nobody"})).status_code == 404
    await spoken(speaking, text="1" * 20)


@pytest.mark.parametrize(
    ("form", "kind", "media_type"),
    [
        (None, "MP3", "audio/mpeg"),
        ("mp3", "MP3", "audio/mpeg"),
        ("opus", "OGG", "audio/ogg"),
        ("flac", "FLAC", "audio/flac"),
        ("wav", "WAV", "audio/wav"),
    ],
)
async def test_openai_formats(speaking: httpx.AsyncClient, form: str | None, kind: str, media_type: str) -> None:
    body = {"model": "digits", "input": "three seven one", "voice": "theo", "seed": 5}
    response = await speaking.post("/v1/audio/speech", json=body | ({"response_format": form} if form else {}))
    assert (response.status_code, response.headers["content-type"]) == (200, media_type)
    native, _ = samples((await spoken(speaking)).content)
    with soundfile.SoundFile(io.BytesIO(response.content)) as file:
        assert (file.format, file.samplerate) == (kind, RATE)
        wave = file.read(dtype="float32")
    assert len(wave) == pytest.approx(len(native), abs=0.2 * RATE)  # encoders pad
    if form in ("flac", "wav"):
        assert np.abs(wave - native).max() < 1e-4  # each format rounds to 16 bits in its way


async def test_openai_pcm_and_errors(speaking: httpx.AsyncClient) -> None:
    body = {"model": "digits", "input": "three seven one", "voice": "theo", "seed": 5}
    response = await speaking.post("/v1/audio/speech", json=body | {"response_format": "pcm"})
    native, _ = samples((await spoken(speaking)).content)
    assert len(response.content) == pytest.approx(2 * 3 * len(native), abs=12)
    for change, field in (
        ({"voice": "alloy"}, "voice"),
        ({"input": "hello"}, "input"),
        ({"response_format": "aac"}, "response_format"),
    ):
        refusal = await speaking.post("/v1/audio/speech", json=body | change)
        assert (refusal.status_code, refusal.json()["error"]["param"]) == (400, field)
    assert (await speaking.post("/v1/audio/speech", json=body | {"model": "nobody"})).status_code == 404


async def test_hugging_face(speaking: httpx.AsyncClient) -> None:
    parameters = {"voice": "theo", "seed": 5, "do_sample": True}
    reply = await speaking.post("/hf/digits", json={"inputs": "371", "parameters": parameters})
    assert reply.headers["content-type"] == "audio/wav"
    assert reply.content == (await spoken(speaking)).content
    unknown = await speaking.post("/hf/digits", json={"inputs": "hello"})
    assert (unknown.status_code, "word 1" in unknown.json()["error"]) == (422, True)
    several = await speaking.post("/hf/digits", json={"inputs": ["1", "2"]})
    assert several.status_code == 422
    other = await speaking.post("/hf/digits", json={"inputs": "1", "parameters": {"src_lang": "en"}})
    assert other.status_code == 422


async def test_without_a_speaker(client: httpx.AsyncClient) -> None:
    response = await client.post("/speak", json=TEXT)
    assert (response.status_code, response.json()["detail"]) == (404, "no model of the kind speaker is loaded")


async def test_models_are_listed(speaking: httpx.AsyncClient) -> None:
    (model,) = (await speaking.get("/models")).json()["models"]
    assert (model["kind"], model["voices"], model["default_for"]) == ("speaker", ["george", "theo"], ["speak"])


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.cli import cli

    save_tiny_speaker(tmp_path / "models" / "digits")
    for name in ("out.wav", "out.flac"):
        command = ["speak", "3 7 1", "--voice", "theo", "--seed", "5", "--out", str(tmp_path / name)]
        monkeypatch.setattr("sys.argv", ["carousel", *command, "--checkpoints", str(tmp_path / "models")])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code
    (wave, rate), (other, _) = (samples((tmp_path / name).read_bytes()) for name in ("out.wav", "out.flac"))
    assert rate == RATE
    assert np.abs(wave - other).max() < 1e-4
