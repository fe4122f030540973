"""POST /describe: whatever way a picture comes, the answer is the same."""

import asyncio
import base64
import zlib
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.pictures.digits import draw_line, encoded, png

pytestmark = pytest.mark.anyio
LINE = draw_line([3, 7, 1])


async def describe(client: httpx.AsyncClient, content: bytes, **options: Any) -> dict[str, Any]:
    body = {"image": base64.b64encode(content).decode(), **options}
    reply = await client.post("/describe", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_a_reply_has_words_with_probabilities_and_the_size(pictures: httpx.AsyncClient) -> None:
    reply = await describe(pictures, png(LINE))
    assert (reply["model"], reply["language"]) == ("digits", "en")
    assert reply["text"] == " ".join(word["word"] for word in reply["words"])
    assert all(0 < word["probability"] <= 1 for word in reply["words"])
    assert reply["size"] == {"width": 84, "height": 28}
    assert "attention" not in reply


async def test_attention_is_over_the_columns_of_the_picture(pictures: httpx.AsyncClient) -> None:
    small = (await describe(pictures, png(LINE), attention=True))["attention"]
    large = np.kron(LINE, np.ones((3, 3), np.uint8))
    for weights in small["weights"]:
        assert len(weights) == len(small["columns"])
        assert sum(weights) == pytest.approx(1, abs=1e-5)
    assert all(first[1] == second[0] for first, second in zip(small["columns"], small["columns"][1:], strict=False))
    assert small["columns"][0][0] <= 12
    assert small["columns"][-1][1] >= 84 - 12
    wide = (await describe(pictures, png(large), attention=True))["attention"]["columns"]
    assert wide[0][0] == pytest.approx(3 * small["columns"][0][0], abs=6)


async def test_a_file_a_form_and_json_are_answered_alike(pictures: httpx.AsyncClient) -> None:
    content = png(LINE)
    expected = await describe(pictures, content, language="tr", attention=True)
    options = {"language": "tr", "attention": "true"}
    raw = await pictures.post("/describe", params=options, content=content, headers={"content-type": "image/png"})
    form = await pictures.post("/describe", data=options, files={"file": ("digits.png", content)})
    url = "data:image/png;base64," + base64.b64encode(content).decode()
    by_url = await pictures.post("/describe", json={"image": url, "language": "tr", "attention": True})
    assert [raw.json(), form.json(), by_url.json()] == [expected] * 3


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF"])
async def test_formats_without_loss_are_answered_alike(form: str, pictures: httpx.AsyncClient) -> None:
    assert await describe(pictures, encoded(Image.fromarray(LINE), form)) == await describe(pictures, png(LINE))


async def test_dark_on_light_is_light_on_dark(pictures: httpx.AsyncClient) -> None:
    assert await describe(pictures, png(255 - LINE)) == await describe(pictures, png(LINE))


@pytest.mark.parametrize("mode", ["1", "P", "RGB", "RGBA", "LA", "I;16", "CMYK"])
async def test_modes_are_answered_alike(mode: str, pictures: httpx.AsyncClient) -> None:
    binary = np.where(LINE > 127, 255, 0).astype(np.uint8)
    deep = Image.fromarray(binary.astype(np.uint16) * 257)
    image = deep if mode == "I;16" else Image.fromarray(binary).convert(mode)
    form = "JPEG" if mode == "CMYK" else "PNG"
    reply = await describe(pictures, encoded(image, form, **({"quality": 100} if form == "JPEG" else {})))
    expected = await describe(pictures, png(binary))
    assert reply["size"] == expected["size"]
    if form == "PNG":
        assert reply == expected


async def test_white_ink_without_paper_is_read(pictures: httpx.AsyncClient) -> None:
    white = Image.merge("LA", [Image.new("L", (84, 28), 255), Image.fromarray(LINE)])
    assert await describe(pictures, encoded(white, "PNG")) == await describe(pictures, png(LINE))


async def test_a_turned_photograph_is_read_upright(pictures: httpx.AsyncClient) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: the rows run from right to left, top to bottom
    turned = Image.fromarray(np.rot90(LINE).copy())
    assert await describe(pictures, encoded(turned, "PNG", exif=exif)) == await describe(pictures, png(LINE))


async def test_of_an_animation_the_first_picture_is_read(pictures: httpx.AsyncClient) -> None:
    others = [Image.fromarray(draw_line([digit] * 3)) for digit in (1, 2)]
    animation = encoded(Image.fromarray(LINE), "GIF", save_all=True, append_images=others)
    assert await describe(pictures, animation) == await describe(pictures, png(LINE))


async def test_alone_is_as_in_company(pictures: httpx.AsyncClient) -> None:
    contents = [png(draw_line(list(range(count)), count)) for count in range(1, 8)]
    alone = [await describe(pictures, content, attention=True) for content in contents]
    together = await asyncio.gather(*(describe(pictures, content, attention=True) for content in contents))
    assert together == alone


@pytest.mark.parametrize(
    ("status", "pointer", "body"),
    [
        (422, "/image", {}),
        (422, "/image", {"image": ""}),
        (422, "/image", {"image": "no base64!"}),
        (422, "/image", {"image": 5}),
        (422, "/image", {"image": base64.b64encode(b"no picture").decode()}),
        (422, "/image", {"image": base64.b64encode(png(np.zeros((28, 28), np.uint8))).decode()}),
        (422, "/attention", {"image": base64.b64encode(png(LINE)).decode(), "attention": "yes"}),
        (422, "/size", {"image": base64.b64encode(png(LINE)).decode(), "size": 3}),
        (404, "/language", {"image": base64.b64encode(png(LINE)).decode(), "language": "de"}),
        (404, "/model", {"image": base64.b64encode(png(LINE)).decode(), "model": "none"}),
    ],
)
async def test_an_error_names_the_field(
    status: int, pointer: str, body: dict[str, Any], pictures: httpx.AsyncClient
) -> None:
    reply = await pictures.post("/describe", json=body)
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert [error["pointer"] for error in reply.json()["errors"]] == [pointer]


async def test_a_picture_that_is_too_large_is_not_decoded(pictures: httpx.AsyncClient) -> None:
    reply = await pictures.post(
        "/describe", content=png(np.zeros((1001, 1000), np.uint8)), headers={"content-type": "image/png"}
    )
    assert reply.status_code == 422
    assert "1000 × 1001 pixels; at most 1,000,000" in reply.json()["detail"]


async def test_another_type_of_body_is_refused(pictures: httpx.AsyncClient) -> None:
    for kind in ("text/plain", "audio/wav", "application/xml"):
        reply = await pictures.post("/describe", content=png(LINE), headers={"content-type": kind})
        assert reply.status_code == 415, kind
    reply = await pictures.post("/describe", content=b"{", headers={"content-type": "application/json"})
    assert reply.status_code == 400
    other = await pictures.post("/describe", files={"picture": ("digits.png", png(LINE))})
    assert other.status_code == 422


async def test_the_catalog_lists_the_captioner(pictures: httpx.AsyncClient) -> None:
    listed = (await pictures.get("/models")).json()
    (model,) = listed["models"]
    assert (model["kind"], model["languages"], model["default_for"]) == (
        "captioner", ["en", "tr"], ["describe:en", "describe:tr"],
    )  # fmt: skip


@pytest.mark.parametrize("side", [5_000, 60_000, 2**31 - 1])
async def test_a_picture_with_too_many_pixels_is_named_as_such(pictures: httpx.AsyncClient, side: int) -> None:
    """Whichever limit comes first: that of the settings or that of the library."""
    reply = await pictures.post("/describe", content=with_size(side), headers={"content-type": "image/png"})
    assert reply.status_code == 422
    assert reply.json()["detail"].endswith("pixels; at most 1,000,000 are allowed")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ([], "it must be an object"),
        ("seven", "it must be an object"),
        ({"image": 5}, "it must be base64; given: 5"),
        ({"image": "@@"}, "it must be base64"),
    ],
)
async def test_what_is_no_picture_in_json_is_told_without_types_of_python(
    pictures: httpx.AsyncClient, body: Any, detail: str
) -> None:
    reply = await pictures.post("/describe", json=body)
    assert reply.status_code == 422
    assert [error["detail"] for error in reply.json()["errors"]] == [detail]


def with_size(side: int) -> bytes:
    """The beginning of a PNG that says that it is a square of this size."""
    content = png(LINE)
    head = content[12:16] + side.to_bytes(4, "big") * 2 + content[24:29]
    return content[:12] + head + zlib.crc32(head).to_bytes(4, "big") + content[33:]
