"""The real clients of OpenAI and Hugging Face send recordings to a live server, and get speech of it."""

import io
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import soundfile
import torch
from huggingface_hub import InferenceClient

from app.catalog.loading import Choice, load_models
from tests.conftest import Live, Serve
from tests.sounds import file_of, save_tiny_recognizer, save_tiny_speaker, tone


@pytest.fixture(scope="module")
def live(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Live:
    folder = tmp_path_factory.mktemp("recognizers")
    save_tiny_recognizer(folder / "digits")
    save_tiny_speaker(folder / "speaker")
    return serve(load_models(Choice(folder), torch.device("cpu")))


@pytest.fixture(scope="module")
def words(live: Live) -> str:
    response = httpx.post(f"{live.url}/transcribe", content=file_of(tone(1.0)), headers={"content-type": "audio/wav"})
    text: str = response.json()["text"]
    return text


def test_openai(live: Live, words: str, tmp_path: Path) -> None:
    client = openai.OpenAI(base_url=f"{live.url}/v1", api_key="none", max_retries=0)
    path = tmp_path / "tone.wav"
    path.write_bytes(file_of(tone(1.0)))
    transcription = client.audio.transcriptions.create(model="digits", file=path)
    assert transcription.text == words
    with path.open("rb") as file:
        assert client.audio.transcriptions.create(model="digits", file=file, response_format="text") == words + "\n"
    verbose = client.audio.transcriptions.create(
        model="digits", file=path, response_format="verbose_json", timestamp_granularities=["word"]
    )
    assert verbose.words
    assert [word.word for word in verbose.words] == words.split()
    assert verbose.duration == 1.0
    with pytest.raises(openai.BadRequestError, match="no WAV, FLAC or Ogg"):
        client.audio.transcriptions.create(model="digits", file=("a.wav", b"one two three"))


def test_hugging_face(live: Live, words: str, tmp_path: Path) -> None:
    client = InferenceClient(f"{live.url}/hf/digits")
    content = file_of(tone(1.0), kind="FLAC")
    path = tmp_path / "tone.flac"
    path.write_bytes(content)
    assert client.automatic_speech_recognition(str(path)).text.split()
    assert client.automatic_speech_recognition(file_of(tone(1.0))).text == words


def test_speech_of_openai(live: Live, tmp_path: Path) -> None:
    client = openai.OpenAI(base_url=f"{live.url}/v1", api_key="none", max_retries=0)
    native = httpx.post(f"{live.url}/speak", json={"text": "371", "voice": "theo", "seed": 5}).content
    arguments: dict[str, Any] = {"model": "speaker", "input": "three seven one", "voice": "theo"}
    seeded = client.audio.speech.create(**arguments, response_format="wav", extra_body={"seed": 5})
    assert seeded.read() == native
    path = tmp_path / "speech.mp3"
    with client.audio.speech.with_streaming_response.create(**arguments, speed=2) as response:
        response.stream_to_file(path)
    assert soundfile.info(path).format == "MP3"
    with pytest.raises(openai.BadRequestError, match="one of these: george, theo"):
        client.audio.speech.create(**arguments | {"voice": "alloy"})


def test_speech_of_hugging_face(live: Live) -> None:
    client = InferenceClient(f"{live.url}/hf/speaker")
    native = httpx.post(f"{live.url}/speak", json={"text": "371", "voice": "theo", "seed": 5}).content
    assert client.text_to_speech("3 7 1", extra_body={"voice": "theo", "seed": 5}) == native
    assert soundfile.info(io.BytesIO(client.text_to_speech("3 7 1", do_sample=True, top_k=5))).format == "WAV"
