"""POST /draw."""

from typing import Annotated

from pydantic import AfterValidator, Discriminator, Field, Tag

from app.http.schemas.base import MANY, MAX_SEED, ONE, PromptText, Reply, Request, example, unicode_text
from models.runtime.pixel_rnn import DEFAULT_GUIDANCE

MAX_PNG_CHARACTERS = 16_384
"""Of a PNG in base64: an image of a model's size takes a twentieth of it."""
MAX_ROWS = 256
MAX_SCALE = 36
Row = Annotated[str, Field(pattern=r"^[01]{1,256}$")]
Png = Annotated[str, Field(max_length=MAX_PNG_CHARACTERS), AfterValidator(unicode_text)]
Top = Annotated[
    Annotated[Png, Tag(ONE)] | Annotated[list[Row], Field(max_length=MAX_ROWS), Tag(MANY)],
    Discriminator(lambda value: MANY if isinstance(value, list) else ONE),
]
"""The upper rows of an image: texts of 0 and 1, or a PNG in base64."""


class DrawRequest(Request):
    model_config = example(prompt="seven", n=4, temperature=0.9, seed=1)

    prompt: PromptText = Field(
        "", description="Names what to draw in any sentence: seven, yedi, 7. Left out: whatever the model draws."
    )
    n: int = Field(1, ge=1, description="Number of images.")
    temperature: float = Field(1.0, ge=0, le=10, description="0: always the likelier pixel; higher: more surprising.")
    guidance: float = Field(
        DEFAULT_GUIDANCE,
        ge=0,
        le=10,
        description="How much likelier than by the model itself a pixel becomes that the class speaks for: 0 draws as "
        "varied as the model, and more what the prompt names.",
    )
    seed: int | None = Field(
        None, ge=0, le=MAX_SEED, description="The same seed gives the same images; by default, a new one."
    )
    top: Top = Field(
        [],
        description="The upper rows, which stay as they are: a list of rows, each a text of 0 and 1 (1 is ink), or a "
        "PNG in base64 as wide as the model's images and no higher, where bright pixels are ink.",
    )
    model: str | None = Field(None, max_length=200, description="A model that draws; by default, the default one.")
    scale: int = Field(1, ge=1, le=MAX_SCALE, description="Each pixel becomes a square of so many pixels in the PNG.")
    stream: bool = Field(False, description="Reply with Server-Sent Events: row, row, ..., done.")


class DrawnRow(Reply):
    """The data of a `row` event."""

    index: int = Field(description="Of the image.")
    row: int = Field(description="From the top, from 0.")
    pixels: str = Field(description="A 0 or 1 for each pixel, from the left; 1 is ink.")
    probabilities: list[float] = Field(
        description="Of each pixel, the probability of ink given all before it, without guidance and at temperature 1."
    )


class DrawnImage(Reply):
    index: int = Field(description="From 0, in the order in which they were requested.")
    png: str = Field(description="In base64: ink is white, as in MNIST.")
    rows: list[str] = Field(description="Each row as a text of 0 and 1, as `top` takes them.")
    logprob: float = Field(
        description="The natural logarithm of the image's probability, without guidance and at temperature 1."
    )


class DrawUsage(Reply):
    prompt_tokens: int = Field(description="Number of words of the prompt.")
    generated_tokens: int = Field(description="Pixels, without those of `top`.")


class DrawReply(Reply):
    model: str = Field(description="The model that drew.")
    subject: str | None = Field(None, description="What the prompt names, by its first name; left out for none.")
    images: list[DrawnImage] = Field(description="All images, by index.")
    usage: DrawUsage = Field(description="The size of the request and of the reply.")
    seed: int = Field(description="With it, the same request draws the same images again.")
