"""POST /draw and the routes of other services that draw."""

import asyncio
import base64
import json
import math
import re
import struct
import sys
import zlib
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from app.catalog.loading import Choice, load_models
from app.catalog.registry import Registry
from app.cli import cli
from app.main import create_app
from app.settings import Settings
from models.png import png_of, rows_of
from models.text.tokenizers import SubwordTokenizer
from tests.api.test_streams import streamed
from tests.conftest import save_tiny
from tests.tiny_images import tiny_pixel_rnn
from trainer.evaluation.images import image_log_probabilities

pytestmark = pytest.mark.anyio
SEVEN: dict[str, Any] = {"prompt": "seven", "seed": 4, "n": 3}
HEIGHT, WIDTH = 6, 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tokenizer: SubwordTokenizer) -> Path:
    folder = tmp_path_factory.mktemp("drawing")
    save_tiny(folder / "digits", tiny_pixel_rnn(tokenizer.size), tokenizer, "en", "tr")
    return folder


@pytest.fixture(scope="module")
def drawing(folder: Path) -> Registry:
    return load_models(Choice(folder), torch.device("cpu"))


@pytest.fixture
async def client(drawing: Registry) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(max_images=4, max_prompt_characters=100), drawing)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


async def ask(client: httpx.AsyncClient, path: str = "/draw", **body: Any) -> Any:
    response = await client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


class TestAnswers:
    async def test_images_with_their_probability(self, client: httpx.AsyncClient) -> None:
        reply = await ask(client, **SEVEN)
        assert (reply["model"], reply["subject"], reply["seed"]) == ("digits", "seven", 4)
        assert reply["usage"] == {"prompt_tokens": 1, "generated_tokens": 3 * HEIGHT * WIDTH}
        model = tiny_pixel_rnn()
        for index, image in enumerate(reply["images"]):
            assert image["index"] == index
            assert rows_of(base64.b64decode(image["png"]), WIDTH, HEIGHT) == tuple(image["rows"])
            pixels = torch.tensor([[[int(pixel) for pixel in row] for row in image["rows"]]])
            with torch.inference_mode():
                (logprob,) = image_log_probabilities(model, pixels, torch.tensor([2]))
            assert image["logprob"] == pytest.approx(logprob.item(), abs=0.05)  # the checkpoint is in half precision

    async def test_alone_as_in_company(self, client: httpx.AsyncClient) -> None:
        together = (await ask(client, **SEVEN))["images"]
        assert len({tuple(image["rows"]) for image in together}) == 3
        (alone,) = (await ask(client, **SEVEN | {"n": 1}))["images"]
        assert alone == together[0]
        assert (await ask(client, **SEVEN | {"prompt": "YEDİ"}))["images"] == together
        assert (await ask(client, **SEVEN | {"seed": 5}))["images"] != together

    @pytest.mark.parametrize("rows", [3, 256])
    async def test_beside_others_with_any_number_of_slots(self, drawing: Registry, rows: int) -> None:
        bodies: list[dict[str, Any]] = [
            {
                "prompt": prompt,
                "seed": seed,
                "n": 1 + seed % 3,
                "temperature": seed / 4,
                "guidance": seed % 3,
                "top": ["10101"] * (seed % 2),
            }
            for seed, prompt in enumerate(("zero", "six", "seven", "0", "6", "7"))
        ]
        app = create_app(Settings(max_batch_rows=rows), drawing)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                together = await asyncio.gather(*(ask(client, **body) for body in bodies))
                assert together == [await ask(client, **body) for body in bodies]

    async def test_without_a_prompt_any_class(self, client: httpx.AsyncClient) -> None:
        for body in ({}, {"prompt": None}, {"prompt": " "}):
            assert "subject" not in await ask(client, **body)

    async def test_greedy_needs_no_seed(self, client: httpx.AsyncClient) -> None:
        replies = [await ask(client, prompt="7", temperature=0, n=2, seed=seed) for seed in (1, 2)]
        assert len({tuple(image["rows"]) for reply in replies for image in reply["images"]}) == 1

    @pytest.mark.parametrize("count", range(HEIGHT + 1))
    async def test_the_upper_rows_stay(self, client: httpx.AsyncClient, count: int) -> None:
        first = (await ask(client, **SEVEN))["images"][1]
        top = first["rows"][:count]
        reply = await ask(client, **SEVEN | {"top": top, "seed": 9})
        assert all(image["rows"][:count] == top for image in reply["images"])
        assert reply["usage"]["generated_tokens"] == 3 * (HEIGHT - count) * WIDTH
        if count:
            png = base64.b64encode(png_of(top)).decode()
            assert (await ask(client, **SEVEN | {"top": png, "seed": 9}))["images"] == reply["images"]

    async def test_completed_by_its_own_seed_it_is_the_same(self, client: httpx.AsyncClient) -> None:
        (whole,) = (await ask(client, prompt="six", seed=6))["images"]
        (completed,) = (await ask(client, prompt="six", seed=6, top=whole["rows"][:3]))["images"]
        assert completed == whole

    async def test_larger(self, client: httpx.AsyncClient) -> None:
        (image,) = (await ask(client, prompt="7", scale=4))["images"]
        assert Image.open(BytesIO(base64.b64decode(image["png"]))).size == (4 * WIDTH, 4 * HEIGHT)

    async def test_guidance_changes_what_has_a_class(self, client: httpx.AsyncClient) -> None:
        for prompt, differs in (("seven", True), ("", False)):
            images = [(await ask(client, prompt=prompt, seed=2, n=4, guidance=much))["images"] for much in (0, 10)]
            assert (images[0] != images[1]) == differs

    async def test_one_default_for_all_languages(self, client: httpx.AsyncClient) -> None:
        reply = (await client.get("/models")).json()
        assert reply["defaults"] == [{"use": "draw", "model": "digits", "chosen_by": "only", "others": []}]
        assert reply["models"][0]["classes"] == [["zero", "sıfır", "0"], ["six", "altı", "6"], ["seven", "yedi", "7"]]


class TestStreams:
    @pytest.mark.parametrize("change", [{}, {"n": 1}, {"temperature": 0}, {"top": ["10101", "00000"]}])
    async def test_streamed_is_not_streamed(self, client: httpx.AsyncClient, change: dict[str, Any]) -> None:
        plain = await ask(client, **SEVEN | change)
        *rows, (_, _, done) = await streamed(client, "/draw", SEVEN | change)
        assert done == plain
        assert {name for name, _, _ in rows} == {"row"}
        for image in plain["images"]:
            own = [data for _, _, data in rows if data["index"] == image["index"]]
            assert [data["row"] for data in own] == list(range(HEIGHT))
            assert [data["pixels"] for data in own] == image["rows"]
            logs = [
                math.log(probability if pixel == "1" else 1 - probability)
                for data in own
                for pixel, probability in zip(data["pixels"], data["probabilities"], strict=True)
            ]
            assert sum(logs) == pytest.approx(image["logprob"])

    async def test_it_resumes_after_any_event(self, client: httpx.AsyncClient) -> None:
        body = {"prompt": "seven", "n": 2, "stream": True}
        whole = (await client.post("/draw", json=body)).text
        blocks = whole.strip().split("\n\n")
        for index, block in enumerate(blocks[:-1]):
            last = block.split("id: ")[1].split("\n")[0]
            rest = await client.post("/draw", json=body, headers={"Last-Event-ID": last})
            assert rest.text.strip().split("\n\n") == blocks[index + 1 :]


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def bomb(width: int, height: int) -> str:
    """A PNG whose header says that it is larger than its few bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(4_000_000))), chunk(b"IEND", b""))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode()


def text_bomb() -> str:
    """A PNG of the right size whose comment is a thousand times as long as it is sent."""
    png = png_of(["0" * WIDTH] * HEIGHT)
    comment = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(8_000_000), 9))
    return base64.b64encode(png[:33] + comment + png[33:]).decode()


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "pointer", "detail"),
        [
            ({"prompt": "a cat"}, "/prompt", "names nothing .* zero, sıfır, 0; six, altı, 6; seven, yedi, 7$"),
            ({"prompt": "6 or 7"}, "/prompt", "names six and seven"),
            ({"prompt": "7" * 101}, "/prompt", "at most 100"),
            ({"prompt": "\ud800"}, "/prompt", "unicode"),
            ({"n": 5}, "/n", "less than or equal to 4"),
            ({"n": 0}, "/n", "greater than or equal to 1"),
            ({"scale": 37}, "/scale", "36"),
            ({"temperature": -1}, "/temperature", "0"),
            ({"guidance": 11}, "/guidance", "10"),
            ({"top": ["1"]}, "/top/0", "1 pixels; the model's rows have 5"),
            ({"top": ["10101", "10102"]}, "/top/1", "pattern"),
            ({"top": ["10101"] * 7}, "/top", "7 rows"),
            ({"top": ["10101"] * 257}, "/top", "256"),
            ({"top": "?"}, "/top", "neither"),
            ({"top": ""}, "/top", "no PNG"),
            ({"top": base64.b64encode(b"GIF89a").decode()}, "/top", "no PNG"),
            ({"top": base64.b64encode(png_of(["1" * 4])).decode()}, "/top", "4 columns"),
            ({"top": base64.b64encode(png_of(["1" * WIDTH] * 7)).decode()}, "/top", "7 rows"),
            ({"top": base64.b64encode(png_of(["1" * WIDTH] * 6)[:-30]).decode()}, "/top", "no PNG"),
            ({"top": bomb(100_000, 100_000)}, "/top", "100000 columns|no PNG"),
            ({"top": bomb(2**31 - 1, 1)}, "/top", "columns|no PNG"),
            ({"top": text_bomb()}, "/top", "no PNG"),
            ({"top": "A" * 16_385}, "/top", "16384"),
            ({"top": 7}, "/top", "string"),
            ({"seed": -1}, "/seed", "0"),
            ({"colour": "red"}, "/colour", "no such field"),
            ({"model": "none"}, "/model", "there are digits"),
        ],
    )  # fmt: skip
    async def test_what_is_wrong_is_named(
        self, client: httpx.AsyncClient, change: dict[str, Any], pointer: str, detail: str
    ) -> None:
        response = await client.post(
            "/draw", content=json.dumps(SEVEN | change), headers={"content-type": "application/json"}
        )
        assert response.status_code == (404 if "model" in change else 422), response.text
        error = response.json()["errors"][0]
        assert error["pointer"] == pointer
        assert re.search(detail, error["detail"]), error["detail"]

    async def test_no_more_pixels_than_settings_allow(self, drawing: Registry) -> None:
        app = create_app(Settings(max_request_tokens=3 * HEIGHT * WIDTH), drawing)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                assert (await client.post("/draw", json={"n": 3})).status_code == 200
                refused = await client.post("/draw", json={"n": 4})
                assert refused.status_code == 422
                assert refused.json()["errors"][0]["pointer"] == "/n"

    async def test_without_a_model_that_draws(self, registry: Registry) -> None:
        app = create_app(Settings(), registry)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                for path, body in (("/draw", {}), ("/v1/images/generations", {"prompt": "7"})):
                    assert (await client.post(path, json=body)).status_code == 404


class TestOtherServices:
    async def test_openai_has_the_same_images(self, client: httpx.AsyncClient) -> None:
        own = await ask(client, **SEVEN, scale=2)
        reply = await ask(
            client, "/v1/images/generations", **SEVEN, size="10x12", response_format="b64_json", user="me"
        )
        assert [image["b64_json"] for image in reply["data"]] == [image["png"] for image in own["images"]]
        assert reply["usage"]["total_tokens"] == 1 + 3 * HEIGHT * WIDTH
        assert reply["size"] == "10x12"

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"size": "10x13"}, "size"), ({"size": "10x10"}, "size"), ({"size": "0x0"}, "size"),
            ({"size": "185x222"}, "size"), ({"size": "big"}, "size"), ({"response_format": "url"}, "response_format"),
            ({"prompt": "a cat"}, "prompt"), ({"n": 5}, "n"), ({"model": "none"}, "model"),
            ({"stream": True}, "stream"),
        ],
    )  # fmt: skip
    async def test_openai_names_what_is_wrong(
        self, client: httpx.AsyncClient, change: dict[str, Any], name: str
    ) -> None:
        response = await client.post("/v1/images/generations", json={"prompt": "7"} | change)
        assert response.status_code == (404 if name == "model" else 400)
        assert response.json()["error"]["param"] == name

    async def test_hugging_face_replies_with_the_png(self, client: httpx.AsyncClient) -> None:
        own = await ask(client, prompt="yedi", seed=4, scale=3, guidance=2)
        parameters = {"seed": 4, "width": 15, "height": 18, "num_inference_steps": 50, "guidance_scale": 3}
        response = await client.post("/hf/digits", json={"inputs": "yedi", "parameters": parameters})
        assert response.headers["content-type"] == "image/png"
        assert response.content == base64.b64decode(own["images"][0]["png"])

    @pytest.mark.parametrize(
        ("body", "name"),
        [
            ({"inputs": "a cat"}, "inputs"), ({"inputs": ["7"]}, "inputs"),
            ({"inputs": "7", "parameters": {"width": 7}}, "parameters/width"),
            ({"inputs": "7", "parameters": {"negative_prompt": "8"}}, "parameters/negative_prompt"),
            ({"inputs": "7", "parameters": {"top_k": 8}}, "parameters/top_k"),
            ({"inputs": "7", "stream": True}, "stream"),
        ],
    )  # fmt: skip
    async def test_hugging_face_names_what_is_wrong(
        self, client: httpx.AsyncClient, body: dict[str, Any], name: str
    ) -> None:
        response = await client.post("/hf/digits", json=body)
        assert response.status_code == 422
        assert response.json()["error"].startswith(f"{name}: ")


class TestCommand:
    @pytest.fixture
    def shell(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
        def call(*arguments: str) -> tuple[int | None, str]:
            monkeypatch.setattr(sys, "argv", ["carousel", "draw", *arguments, "--checkpoints", str(folder)])
            with pytest.raises(SystemExit) as stop:
                cli.main()
            output = capsys.readouterr()
            return stop.value.code, output.out + output.err  # type: ignore[return-value]

        return call

    def test_it_draws_what_the_route_does(self, shell, tmp_path: Path) -> None:
        status, printed = shell("seven", "--n", "3", "--seed", "4", "--json")
        images = [image["rows"] for image in json.loads(printed)["images"]]
        out = tmp_path / "sevens.png"
        assert shell("seven", "--n", "3", "--seed", "4", "--out", str(out), "--scale", "2") == (0, "")
        pixels = np.asarray(Image.open(out))[::2, ::2] > 0
        expected = np.array([[[pixel == "1" for pixel in row] for row in image] for image in images])
        for index, image in enumerate(expected):
            assert np.array_equal(pixels[:, index * 6 : index * 6 + WIDTH], image)
        status, printed = shell("seven", "--n", "3", "--seed", "4")
        assert status == 0
        assert len(printed.splitlines()) == 3 * HEIGHT / 2

    def test_what_cannot_be(self, shell, tmp_path: Path) -> None:
        assert "names nothing" in shell("cat")[1]
        assert "no such folder" in shell("7", "--out", str(tmp_path / "none" / "7.png"))[1]
