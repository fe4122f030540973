"""Files of pictures, as clients send them: decoded within bounds of memory, and brought into a captioner's form."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from app.errors import InvalidRequest
from models.pictures import Line, UnreadablePicture, normalize

FORMATS = ("PNG", "JPEG", "GIF", "BMP")
"""Those whose size is known before pixels are allocated; WebP's decoder allocates as soon as it is opened."""
MAX_SIDE = 1536
"""Larger pictures are reduced first: lines of handwriting lose nothing."""
ROTATED = (5, 6, 7, 8)
"""EXIF's orientations with width and height exchanged."""
ORIENTATION = 0x0112
FIELD = "image"


@dataclass(frozen=True)
class SentPicture:
    """A line of digits, and the size in pixels of the upright picture that it is from.

    left and scale are the line's, in pixels of that picture.
    """

    line: Line
    width: int
    height: int
    left: float
    scale: float


def read_picture(content: bytes, max_pixels: int) -> SentPicture:
    """Decode a picture, the first one of an animation.

    Raises InvalidRequest: where it has more pixels than allowed, before any is decoded.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_size(image, max_pixels)
            width, height = image.size
            if image.getexif().get(ORIENTATION) in ROTATED:
                width, height = height, width
            image.draft("L", (MAX_SIDE, MAX_SIDE))  # a JPEG is decoded at a fraction of its size
            gray = np.asarray(_reduced(ImageOps.exif_transpose(_flattened(image))))
    except InvalidRequest:
        raise
    except Image.DecompressionBombError:  # Pillow's own limit, far above that of the settings by default
        raise InvalidRequest(f"it has too many pixels; at most {max_pixels:,} are allowed", FIELD) from None
    except UnidentifiedImageError:
        raise InvalidRequest(f"it is no picture in one of the formats {', '.join(FORMATS)}", FIELD) from None
    except Exception as error:  # decoders raise errors of many types for damaged files
        cause = "it is cut short, or its data are damaged" if isinstance(error, OSError) else type(error).__name__
        raise InvalidRequest(f"the picture can't be decoded: {cause}", FIELD) from None
    return _normalized(gray, width, height)


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise InvalidRequest(f"it has {width} × {height} pixels; at most {max_pixels:,} are allowed", FIELD)


def _normalized(gray: NDArray[np.uint8], width: int, height: int) -> SentPicture:
    try:
        line = normalize(gray)
    except UnreadablePicture as error:
        raise InvalidRequest(str(error), FIELD) from None
    factor = width / gray.shape[1]
    return SentPicture(line, width, height, line.left * factor, line.scale * factor)


def _flattened(image: Image.Image) -> Image.Image:
    """A picture in shades of gray; what is transparent is white paper, or black where all that is opaque is white."""
    if image.mode.startswith("I"):  # 16 bits
        values = np.asarray(image).astype(np.int64).clip(0, 65535) >> 8
        return _with_orientation(Image.fromarray(values.astype(np.uint8)), image)
    if not image.has_transparency_data:
        return _with_orientation(image.convert("L"), image)
    gray, alpha = image.convert("RGBA").convert("LA").split()
    flat = Image.composite(gray, Image.new("L", gray.size, 255), alpha)
    low, high = flat.getextrema()
    return _with_orientation(alpha if low == high else flat, image)


def _with_orientation(gray: Image.Image, image: Image.Image) -> Image.Image:
    """Keep the metadata that say how the picture is turned."""
    gray.getexif()[ORIENTATION] = image.getexif().get(ORIENTATION, 1)
    return gray


def _reduced(gray: Image.Image) -> Image.Image:
    factor = -(-max(gray.size) // MAX_SIDE)
    return gray.reduce(factor) if factor > 1 else gray
