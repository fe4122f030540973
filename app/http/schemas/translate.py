"""POST /translate."""

from typing import Literal, Self

from pydantic import Field, model_validator

from app.http.schemas.base import ARRAY, Reply, Request, TextOrTexts, example, never
from models.decoding.beam_search import DEFAULT_BEAM_SIZE


class TranslateRequest(Request):
    model_config = example(
        {
            "allOf": [
                never(text=ARRAY, prefix={"type": "string", "minLength": 1}),
                never(format={"const": "html"}, prefix={"type": "string", "minLength": 1}),
            ]
        },
        text="Where is the station?",
        target="tr",
        alternatives=2,
    )

    text: TextOrTexts = Field(description="A text, or a list of texts.")
    source: str = Field("auto", min_length=2, max_length=16, description="The text's language, or auto.")
    target: str | None = Field(
        None,
        min_length=2,
        max_length=16,
        description="The target language; by default, the only one into which the text's language is translated.",
    )
    model: str | None = Field(None, max_length=200, description="A translator; by default, one for the two languages.")
    format: Literal["text", "html"] = Field(
        "text", description="Of html the text is translated; tags, and what is marked as not to translate, stay."
    )
    beam_size: int = Field(DEFAULT_BEAM_SIZE, ge=1, description="Number of hypotheses; 1 is greedy.")
    length_penalty: float = Field(1.0, ge=0, le=5, description="Hypotheses are ranked by logprob / length ** this.")
    alternatives: int = Field(
        0, ge=0, le=10, description="Number of other translations to return, at most beam_size - 1."
    )
    attention: bool = Field(False, description="Return the attention of each target token to the source tokens.")
    prefix: str = Field(
        "",
        description="What the translation begins with: its first sentence is that of the text's first one, and so on, "
        "and the last one is continued. Of one text, with format text.",
    )
    top_tokens: int = Field(
        0,
        ge=0,
        le=10,
        description="Return the tokens of the translation, each with this many likeliest at its position.",
    )
    stream: bool = Field(False, description="Reply with Server-Sent Events: sentence, sentence, ..., done.")

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.prefix and not isinstance(self.text, str):
            raise ValueError("prefix goes with one text, not with a list")
        if self.prefix and self.format != "text":
            raise ValueError("prefix goes with format text only")
        return self


class Attention(Reply):
    source_tokens: list[str] = Field(description="The tokens of the text.")
    target_tokens: list[str] = Field(description="The tokens of the translation.")
    weights: list[list[float]] = Field(description="A row for each target token; each sums to 1.")


class LikelyToken(Reply):
    token: str = Field(description="With the space at its beginning.")
    probability: float = Field(ge=0, le=1, description="The model's, after all tokens before it in the sentence.")


class TargetToken(LikelyToken):
    """The token `</s>` is the end of a sentence."""

    start: int = Field(description="Where it begins in `text`.")
    end: int = Field(description="Where it ends in `text`; not a part of it.")
    top: list[LikelyToken] = Field(description="The likeliest tokens at its position, whatever the prefix requires.")


class Detected(Reply):
    language: str = Field(description="A code such as en.")
    confidence: float = Field(description="From 0 to 1.")


class StreamedSentence(Reply):
    """The data of a `sentence` event. The texts of an index's events, joined, are its translation."""

    index: int = Field(description="Of the text.")
    text: str = Field(description="What the translation grows by.")


class TranslateResult(Reply):
    model: str | None = Field(None, description="That of the text, where several models answer.")
    target: str | None = Field(None, description="That of the text, where the texts have several.")
    text: str = Field(description="The translation.")
    unchanged: bool | None = Field(
        None, description="True of a text that is in the target language already: it is returned as it is."
    )
    score: float = Field(description="Log-probability / length ** length_penalty, the mean over sentences.")
    quality: float | None = Field(
        description="Estimated chrF2, from 0 to 1, against a human translation; below 0.4, do not rely on it. "
        "Null of a model that is not calibrated.",
        ge=0,
        le=1,
    )
    detected: Detected | None = Field(None, description="With source auto.")
    alternatives: list[str] | None = Field(None, description="With alternatives: other translations, the best first.")
    attention: Attention | None = Field(
        None, description="With attention: how much each target token attends to each source token."
    )
    tokens: list[TargetToken] | None = Field(None, description="With top_tokens: the tokens of the translation.")


class TranslateReply(Reply):
    model: str = Field(description="That of the first text.")
    source: str = Field(description="The source language of the request, or auto.")
    target: str = Field(description="That of the first text.")
    results: list[TranslateResult] = Field(description="One for each text, in order.")
