"""What all native schemas share."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    model_validator,
)
from pydantic_core import CoreSchema

from app.errors import InvalidRequest


class NullsLeftOut(BaseModel):
    """Strict: no silent conversion, finite numbers only. A null counts as left out, in each field with a default."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        return {name: integers(value) for name, value in body.items() if not (value is None and cls._is_optional(name))}

    @classmethod
    def _is_optional(cls, name: str) -> bool:
        return name in cls.model_fields and not cls.model_fields[name].is_required()

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """All fields but the required may be null; no object is their default, which generators of clients refuse."""
        schema = handler.resolve_ref_schema(handler(core))
        for name, field in schema.get("properties", {}).items():
            if name not in schema.get("required", ()) and {"type": "null"} not in field.get("anyOf", ()):
                outside = {key: field.pop(key) for key in ("title", "description", "default") if key in field}
                if isinstance(outside.get("default"), dict):
                    del outside["default"]
                schema["properties"][name] = {"anyOf": [field, {"type": "null"}], **outside}
        return schema


class Request(NullsLeftOut):
    """Of a native route: no unknown fields."""

    model_config = ConfigDict(extra="forbid")


def integers(value: Any, depth: int = 2) -> Any:
    """JSON does not distinguish 5 from 5.0: whole numbers become integers, in lists and in lists of lists too.

    No field nests deeper, and a client's nesting could exceed Python's stack.
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if depth and isinstance(value, list) and not _NO_FLOATS.issuperset(map(type, value)):
        return [integers(item, depth - 1) for item in value]
    return value


_NO_FLOATS = frozenset((int, str))  # in a long list of ids, this is all that has to be looked at


def example(rules: Mapping[str, Any] | None = None, /, **fields: Any) -> ConfigDict:
    """The configuration of a schema with an example, which the API page shows ready to be sent.

    rules are JSON Schema for constraints between fields.
    """
    return ConfigDict(json_schema_extra={"examples": [fields], **(rules or {})})


TRUE: Any = {"type": "boolean", "const": True}
ARRAY: Any = {"type": "array", "items": {}}


def never(**together: Any) -> dict[str, Any]:
    """JSON Schema for: these fields do not all match these schemas."""
    return {"not": {"properties": together, "required": list(together)}}


def text_or_state(name: str) -> dict[str, Any]:
    """JSON Schema for: a text that is not blank, or a state."""
    text = {"properties": {name: {"type": "string", "pattern": VISIBLE}}, "required": [name]}
    return {"anyOf": [text, {"properties": {"state": {"type": "string"}}, "required": ["state"]}]}


class Reply(BaseModel):
    """A reply, or a part of one; built from the attributes of the engine's values."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


VISIBLE = r"\S"
WHITE = " \t\n\v\f\r\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))


def unicode_text(text: str) -> str:
    """Refuse a lone surrogate, which JSON allows. To be applied after length limits."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"it must be valid unicode; character {error.start} is a lone surrogate") from None
    return text


def is_blank(text: str) -> bool:
    """Whether a text has only what JSON Schema's patterns take for white space."""
    return not text.strip(WHITE)


def check_text_or_state(field: str, text: str, state: str | None) -> None:
    """Raise InvalidRequest where a request has neither a text in a field nor a state."""
    if state is None and is_blank(text):
        detail = "it is required, and must hold something else than white space, unless there is a state"
        raise InvalidRequest(detail, field)


def _visible(text: str) -> str:
    if is_blank(text):
        raise ValueError("it must hold something else than white space")
    return text


SHOWN = Field(json_schema_extra={"pattern": VISIBLE})  # documentation only: the validator's message is clearer

Text = Annotated[str, AfterValidator(unicode_text), AfterValidator(_visible), SHOWN]
"""A text that is not blank."""

PromptText = Annotated[str, AfterValidator(unicode_text)]
"""A text that may be blank."""

Language = Annotated[
    str | None,
    Field(min_length=2, max_length=16, description="The text's language, such as en; by default, it is detected."),
]

MAX_STATE = 200_000
MAX_SEED = 2**53 - 1  # the largest integer that JavaScript represents exactly
MAX_SEED_64 = 2**63 - 1  # that of other services' clients
STATE = "The `state` of an earlier reply: the text continues from there; what came before is not sent or read again."
RETURN_STATE = "Reply with `state`, the model's state, from which the next request can continue."

ONE, MANY = "(one)", "(many)"  # tags of a union's branches; problems.py leaves parentheses out of pointers


def text_or_texts(max_characters: int, max_texts: int) -> Any:
    """The type of a field that holds a text, or a list of texts."""
    text = _text(max_characters)
    return _one_or_many(text, text, max_texts)


def text_or_blank_texts(max_characters: int, max_texts: int) -> Any:
    """As `text_or_texts`, of a list whose items may be blank."""
    return _one_or_many(_text(max_characters), _blank_text(max_characters), max_texts)


def _text(max_characters: int) -> Any:
    return Annotated[_blank_text(max_characters), AfterValidator(_visible), SHOWN]


def _blank_text(max_characters: int) -> Any:
    return Annotated[str, Field(max_length=max_characters), AfterValidator(unicode_text)]


def _one_or_many(text: Any, item: Any, max_texts: int) -> Any:
    texts = Annotated[list[item], Field(min_length=1, max_length=max_texts)]
    return Annotated[
        Annotated[text, Tag(ONE)] | Annotated[texts, Tag(MANY)],
        Discriminator(lambda value: MANY if isinstance(value, list) else ONE),
    ]


TextOrTexts = str | list[str]
"""The type in a schema without limits: `limited` replaces it by `text_or_texts`."""


def as_list(text: TextOrTexts) -> list[str]:
    return [text] if isinstance(text, str) else text
