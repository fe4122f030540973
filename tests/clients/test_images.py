"""The real `openai` and `huggingface_hub` packages draw, against a live server."""

from base64 import b64decode
from io import BytesIO
from pathlib import Path

import httpx
import openai
import pytest
import torch
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from PIL import Image

from app.catalog.loading import Choice, load_models
from models.text.tokenizers import SubwordTokenizer
from tests.conftest import Live, Serve, save_tiny
from tests.tiny_images import tiny_pixel_rnn


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, serve: Serve, tokenizer: SubwordTokenizer) -> Live:
    folder: Path = tmp_path_factory.mktemp("drawing")
    save_tiny(folder / "digits", tiny_pixel_rnn(tokenizer.size), tokenizer, "en")
    return serve(load_models(Choice(folder), torch.device("cpu")))


def test_openai(live: Live) -> None:
    client = openai.OpenAI(base_url=f"{live.url}/v1", api_key="none", max_retries=0)
    reply = client.images.generate(prompt="seven", n=2, size="20x24", extra_body={"seed": 3})
    own = httpx.post(f"{live.url}/draw", json={"prompt": "7", "n": 2, "scale": 4, "seed": 3}).json()
    assert [image.b64_json for image in reply.data] == [image["png"] for image in own["images"]]
    assert reply.usage.output_tokens == own["usage"]["generated_tokens"]
    with pytest.raises(openai.BadRequestError) as refusal:
        client.images.generate(prompt="a cat")
    assert refusal.value.param == "prompt"


def test_huggingface(live: Live) -> None:
    client = InferenceClient(f"{live.url}/hf/digits")
    image = client.text_to_image("yedi", seed=3, width=10, height=12, num_inference_steps=20)
    own = httpx.post(f"{live.url}/draw", json={"prompt": "7", "scale": 2, "seed": 3}).json()["images"][0]["png"]
    assert image.tobytes() == Image.open(BytesIO(b64decode(own))).tobytes()
    with pytest.raises(HfHubHTTPError, match="names nothing"):
        client.text_to_image("a cat")
