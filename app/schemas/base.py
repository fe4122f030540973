"""What all native shapes share."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag


class Request(BaseModel):
    """Strict: no unknown fields, no silent conversion, finite numbers only."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


def example(**fields: Any) -> ConfigDict:
    """The configuration of a shape whose example, ready to be sent, the API page shows."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Reply(BaseModel):
    """What we answer; built from the engine's values by attribute."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


def unicode_text(text: str) -> str:
    """Refuse a lone surrogate, which JSON lets through; put after length limits."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"it must be valid unicode; character {error.start} is a lone surrogate") from None
    return text


def _visible(text: str) -> str:
    if not any(not char.isspace() for char in text):
        raise ValueError("it must hold something else than white space")
    return text


Text = Annotated[str, AfterValidator(unicode_text), AfterValidator(_visible)]
"""A text with something in it."""

Continuation = Annotated[str, AfterValidator(unicode_text)]
"""A text that may be empty, or white space."""

MAX_STATE = 1_000_000
STATE = "What an earlier reply gave as its `state`: the text goes on after all that came before, unsent and unread."
RETURN_STATE = "Reply with `state`, the model's memory, for the next request to go on from."

ONE, MANY = "(one)", "(many)"  # stand in an error's place where a union branched; no field is named so


def text_or_texts(max_characters: int, max_texts: int) -> Any:
    """The type of a field that holds a text, or a list of texts."""
    text = Annotated[str, Field(max_length=max_characters), AfterValidator(unicode_text), AfterValidator(_visible)]
    texts = Annotated[list[text], Field(min_length=1, max_length=max_texts)]
    return Annotated[
        Annotated[text, Tag(ONE)] | Annotated[texts, Tag(MANY)],
        Discriminator(lambda value: MANY if isinstance(value, list) else ONE),
    ]


TextOrTexts = str | list[str]
"""In a shape, before `limited` puts `text_or_texts` in its place."""


def as_list(text: TextOrTexts) -> list[str]:
    return [text] if isinstance(text, str) else text
