"""Black and white images as PNG, by Pillow."""

from collections.abc import Sequence
from io import BytesIO

from PIL import Image

from models.errors import ModelError

INK = 255
THRESHOLD = 128
"""Of a gray image: from here on a pixel is ink."""


def png_of(rows: Sequence[str], scale: int = 1) -> bytes:
    """A PNG of rows of 0 and 1, where 1 is ink, which is white, as in MNIST; a pixel is a square of `scale` pixels."""
    height, width = len(rows), len(rows[0])
    pixels = bytes(INK if pixel == "1" else 0 for row in rows for pixel in row)
    image = Image.frombytes("L", (width, height), pixels).convert("1")
    if scale > 1:
        image = image.resize((width * scale, height * scale), Image.Resampling.NEAREST)
    content = BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def grid_of(images: Sequence[Sequence[str]], columns: int) -> tuple[str, ...]:
    """The rows of images (rows of 0 and 1, all of one size) side by side, so many in a line, with a pixel between."""
    blank = ["0" * len(images[0][0])] * len(images[0])
    lines: list[str] = []
    for first in range(0, len(images), columns):
        line = [*images[first : first + columns], *[blank] * (columns - len(images[first : first + columns]))]
        joined = ["0".join(parts) for parts in zip(*line, strict=True)]
        lines += ["0" * len(joined[0])] * bool(lines) + joined
    return tuple(lines)


def rows_of(png: bytes, width: int, height: int) -> tuple[str, ...]:
    """The rows of a PNG as texts of 0 and 1: bright pixels are ink, transparent ones are not.

    Raises ModelError for anything else than a PNG of that width and at most that height. Its size is read from its
    header, before any pixel is decompressed.
    """
    try:
        with Image.open(BytesIO(png), formats=["PNG"]) as image:
            size = image.size
            pixels = _gray(image) if size[0] == width and size[1] <= height else b""
    except Exception:  # Pillow's readers raise errors of a dozen types for damaged files
        raise ModelError("it is no PNG that can be read") from None
    if not pixels:
        raise ModelError(
            f"the PNG has {size[0]} columns and {size[1]} rows; it must have {width} columns and at most {height} rows"
        )
    bits = "".join("1" if pixel >= THRESHOLD else "0" for pixel in pixels)
    return tuple(bits[start : start + width] for start in range(0, len(bits), width))


def _gray(image: Image.Image) -> bytes:
    """A byte for each pixel; what is transparent is black."""
    color = image.convert("RGBA")
    paper = Image.new("RGBA", color.size, (0, 0, 0, 255))
    return Image.alpha_composite(paper, color).convert("L").tobytes()
