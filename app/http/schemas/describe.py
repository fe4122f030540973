"""POST /describe."""

import base64
import binascii
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from app.http.schemas.base import Reply, Request, example

EXAMPLE = (
    "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAAYklEQVR42mNgGAWDHfAwMvKQpZGRkbEBRbBjsQKMuXjxDDQNSJILFi9Alw2d"
    "CmEoLF68xgOhAU0y0QOh7ymqXoQkggnTSxeQ4EhWaHAsxkZWCDmykVEhNAqGBwAAtZ4dLHAfnwsAAAAASUVORK5CYII="
)


def _decoded(value: Any) -> Any:
    """The bytes of base64, with or without the head of a data URL. Raises ValueError."""
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value.partition(",")[2] if value.startswith("data:") else value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("it must be base64") from None


ImageBytes = Annotated[
    bytes,
    BeforeValidator(_decoded),
    WithJsonSchema({"type": "string", "format": "byte", "contentEncoding": "base64", "minLength": 1}),
]
"""A file of a picture; in JSON, in base64."""


class DescribeRequest(Request):
    model_config = example(image=EXAMPLE, language="en", attention=True)

    image: ImageBytes = Field(
        min_length=1, description="A picture of one line of digits: PNG, JPEG, GIF or BMP, in base64 or a data URL."
    )
    model: str | None = Field(None, max_length=200, description="A captioner; default: one for the language.")
    language: str | None = Field(
        None, min_length=2, max_length=16, description="The language of the answer, such as en or tr."
    )
    attention: bool = Field(False, description="Return how much each word attends to each group of columns.")


class DescribedWord(Reply):
    word: str = Field(description="A digit's name.")
    probability: float = Field(description="Of the word, given the picture and the words before it.")


class PictureSize(Reply):
    """In pixels, of the upright picture."""

    width: int = Field(description="Number of columns.")
    height: int = Field(description="Number of rows.")


class ColumnAttention(Reply):
    """How much each word attends to each group of columns; a row of weights sums to 1."""

    columns: list[Annotated[list[float], Field(min_length=2, max_length=2)]] = Field(
        description="The first column of each group and the one after its last, in the picture's pixels; they may lie "
        "outside of it."
    )
    weights: list[list[float]] = Field(description="weights[w][c]: of word w, to group c.")


class DescribeReply(Reply):
    model: str = Field(description="The captioner that answered.")
    language: str = Field(description="The language of the answer.")
    text: str = Field(description="All words, joined by spaces.")
    words: list[DescribedWord] = Field(description="Each word with its probability, from left to right.")
    size: PictureSize = Field(description="The size to which `columns` refer.")
    attention: ColumnAttention | None = Field(None, description="With attention: where the model looked for each word.")
