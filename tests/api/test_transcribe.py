"""Recordings over HTTP: every format, rate and form of request gives the same words; no file is too much."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from app.catalog.loading import Choice, load_models
from app.catalog.registry import Registry
from app.main import create_app
from app.settings import Settings
from models.text.digits import DIGITS
from tests.sounds import RATE, file_of, hostile, save_tiny_recognizer, tone

pytestmark = pytest.mark.anyio
TYPES = {"WAV": "audio/wav", "FLAC": "audio/flac", "OGG": "audio/ogg"}


@pytest.fixture(scope="module")
def recognizers(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    folder = tmp_path_factory.mktemp("recognizers")
    save_tiny_recognizer(folder / "digits")
    return load_models(Choice(folder), torch.device("cpu"))


@pytest.fixture
async def hearing(recognizers: Registry) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(max_audio_s=5, max_sample_rate=96_000, max_audio_channels=2)
    app = create_app(settings, recognizers)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


async def heard(client: httpx.AsyncClient, content: bytes, media_type: str = "audio/wav", **query: str) -> Any:
    response = await client.post("/transcribe", content=content, params=query, headers={"content-type": media_type})
    assert response.status_code == 200, response.text
    return response.json()


async def test_words_have_times_and_probabilities(hearing: httpx.AsyncClient) -> None:
    reply = await heard(hearing, file_of(tone(1.5)))
    assert reply["model"] == "digits"
    assert reply["duration_s"] == 1.5
    assert reply["text"] == " ".join(word["word"] for word in reply["words"])
    assert reply["words"], "an untrained model hears something everywhere"
    for word in reply["words"]:
        assert word["word"] in DIGITS["en"]
        assert 0 <= word["start"] < word["end"] <= 1.5
        assert 0 < word["probability"] <= 1
    starts = [word["start"] for word in reply["words"]]
    assert starts == sorted(starts)


@pytest.mark.parametrize("kind", list(TYPES))
async def test_the_file_itself_and_forms_give_the_same(hearing: httpx.AsyncClient, kind: str) -> None:
    content = file_of(tone(), kind=kind)
    expected = await heard(hearing, content, TYPES[kind])
    assert await heard(hearing, content, "application/octet-stream", model="digits") == expected
    form = await hearing.post("/transcribe", files={"file": ("a", content)}, data={"model": "digits"})
    assert form.json() == expected
    openai = await hearing.post("/v1/audio/transcriptions", files={"file": content}, data={"model": "digits"})
    assert openai.json() == {"text": expected["text"]}


async def test_lossless_formats_give_the_same(hearing: httpx.AsyncClient) -> None:
    wave = (tone() * 32_767).astype(np.int16)  # floats are rounded to 16 bits otherwise in each format
    assert await heard(hearing, file_of(wave)) == await heard(hearing, file_of(wave, kind="FLAC"), "audio/flac")


@pytest.mark.parametrize("rate", [4000, 11_025, 44_100, 48_000, 96_000])
async def test_any_rate_and_channels(hearing: httpx.AsyncClient, rate: int) -> None:
    wave = tone(1.0, rate)
    mono, stereo = file_of(wave, rate), file_of(np.stack([wave, wave], 1), rate)
    reply = await heard(hearing, mono)
    assert reply["duration_s"] == pytest.approx(1.0, abs=0.01)
    assert await heard(hearing, stereo) == reply


async def test_digits_are_written_in_either_language(hearing: httpx.AsyncClient) -> None:
    content = file_of(tone(1.0))
    english, turkish = [(await heard(hearing, content, language=one))["words"] for one in ("en", "tr")]
    assert [DIGITS["en"].index(word["word"]) for word in english] == [
        DIGITS["tr"].index(word["word"]) for word in turkish
    ]


async def test_an_answer_is_the_same_alone_and_in_company(hearing: httpx.AsyncClient) -> None:
    files = [file_of(tone(0.2 + 0.15 * seed, seed=seed)) for seed in range(8)]
    alone = [await heard(hearing, content) for content in files]
    assert await asyncio.gather(*(heard(hearing, content) for content in files)) == alone


async def test_openai_formats(hearing: httpx.AsyncClient) -> None:
    content = file_of(tone(1.0))
    own = await heard(hearing, content)

    async def ask(**fields: str) -> httpx.Response:
        return await hearing.post(
            "/v1/audio/transcriptions", files={"file": content}, data={"model": "digits"} | fields
        )

    assert (await ask(response_format="text")).text == own["text"] + "\n"
    verbose = (await ask(response_format="verbose_json", temperature="0")).json()
    assert (verbose["text"], verbose["duration"], verbose["language"]) == (own["text"], 1.0, "english")
    assert [word["word"] for word in verbose["words"]] == own["text"].split()
    refusal = await ask(response_format="srt")
    assert (refusal.status_code, refusal.json()["error"]["param"]) == (400, "response_format")
    assert (await ask(model="nobody")).status_code == 404


async def test_limits(hearing: httpx.AsyncClient) -> None:
    for content, words in (
        (file_of(tone(5.5)), "5.5 s long, by its header; at most 5 s"),
        (file_of(tone(0.1, 192_000), 192_000), "its sample rate is 192,000 Hz"),
        (file_of(np.zeros((100, 3), np.float32)), "it has 3 channels; at most 2"),
        (file_of(np.zeros(0, np.float32)), "no samples"),
        (file_of(tone(), kind="AIFF"), "it is a AIFF file"),
        (b"one two", "no WAV, FLAC or Ogg"),
        (b"", "it is empty"),
    ):
        response = await hearing.post("/transcribe", content=content, headers={"content-type": "audio/wav"})
        assert response.status_code == 422, response.text
        (error,) = response.json()["errors"]
        assert error["pointer"] == "/file"
        assert words in error["detail"]


async def test_other_bodies(hearing: httpx.AsyncClient) -> None:
    content = file_of(tone())
    json = await hearing.post("/transcribe", json={"file": "x"})
    assert json.status_code == 415
    assert (await hearing.post("/transcribe", files={"sound": content})).status_code == 422
    assert (await hearing.post("/transcribe", data={"file": "text"})).status_code in (415, 422)
    assert (await hearing.post("/transcribe?model=nobody", content=content)).status_code == 404
    unknown = await hearing.post("/transcribe?voice=x", content=content)
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/voice")
    assert (await hearing.post("/transcribe?language=fr", content=content)).status_code == 422
    assert (await hearing.post("/v1/audio/transcriptions", content=content)).status_code == 415
    large = await hearing.post("/transcribe", content=bytes(3_000_000), headers={"content-type": "audio/wav"})
    assert large.status_code == 413


async def test_no_file_is_an_error_of_ours(hearing: httpx.AsyncClient) -> None:
    statuses = []
    for name, content in hostile(seed=1, count=150):
        response = await hearing.post("/transcribe", content=content, headers={"content-type": "audio/wav"})
        assert response.status_code in (200, 422), f"{name}: {response.status_code} {response.text}"
        statuses.append(response.status_code)
    assert {200, 422} <= set(statuses)


async def test_hugging_face(hearing: httpx.AsyncClient) -> None:
    content = file_of(tone(1.0))
    own = await heard(hearing, content)
    for media_type in ("audio/wav", "application/octet-stream"):
        reply = await hearing.post("/hf/digits", content=content, headers={"content-type": media_type})
        assert reply.json() == {"text": own["text"]}
    json = await hearing.post("/hf/digits", json={"inputs": "one"})
    assert (json.status_code, "send the file itself" in json.json()["error"]) == (422, True)
    assert (await hearing.post("/hf/digits", content=b"one", headers={"content-type": "audio/wav"})).status_code == 422
    for form in ({"files": {"file": content}}, {"data": {"inputs": "one"}}):
        refused = await hearing.post("/hf/digits", **form)
        assert (refused.status_code, "send the file itself" in refused.json()["error"]) == (415, True)
    unknown = await hearing.post("/hf/nobody", content=content, headers={"content-type": "audio/wav"})
    assert unknown.status_code == 404


async def test_a_file_for_a_model_of_text(client: httpx.AsyncClient) -> None:
    response = await client.post("/hf/language-en", content=file_of(tone()), headers={"content-type": "audio/wav"})
    assert (response.status_code, response.json()["error"]) == (415, "send the body as content-type: application/json")


async def test_without_a_recognizer(client: httpx.AsyncClient) -> None:
    response = await client.post("/transcribe", content=file_of(tone()), headers={"content-type": "audio/wav"})
    assert (response.status_code, response.json()["detail"]) == (404, "no model of the kind recognizer is loaded")


async def test_models_are_listed(hearing: httpx.AsyncClient) -> None:
    (model,) = (await hearing.get("/models")).json()["models"]
    assert (model["kind"], model["default_for"]) == ("recognizer", ["transcribe"])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from app.cli import cli

    save_tiny_recognizer(tmp_path / "models" / "digits")
    path = tmp_path / "tone.flac"
    path.write_bytes(file_of(tone(), RATE, "FLAC"))
    monkeypatch.setattr("sys.argv", ["carousel", "transcribe", str(path), "--checkpoints", str(tmp_path / "models")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    words = capsys.readouterr().out.split()
    assert words
    assert set(words) <= set(DIGITS["en"])


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/transcribe", "/v1/audio/transcriptions", "/describe"])
@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("multipart/form-data; boundary=x", "caf\u00e9".encode("latin-1")),
        ("multipart/form-data; boundary=x", "\u015fark\u0131".encode("cp1254")),
        ("multipart/form-data; boundary=x; charset=windows-1254", b"numbers"),
        ('multipart/form-data; charset="UTF-16"; boundary=x', b"numbers"),
    ],
)
async def test_a_form_in_another_charset_is_refused(
    client_of_all_kinds: httpx.AsyncClient, path: str, kind: str, field: bytes
) -> None:
    parts = b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\n' + field
    parts += b'\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n\xff\xfe\r\n--x--\r\n'
    answer = await client_of_all_kinds.post(path, content=parts, headers={"content-type": kind})
    assert answer.status_code == (400 if path.startswith("/v1") else 422)
    assert "UTF-8" in answer.text
