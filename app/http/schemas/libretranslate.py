"""LibreTranslate's requests and replies."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from app.http.schemas.base import Reply, Text, TextOrTexts
from app.http.schemas.lax import LaxRequest


def _number(value: Any) -> Any:
    """A text of digits as a number: callers send both, in JSON too."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else value


class TranslateForm(LaxRequest):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"q": "Where is the station?", "source": "auto", "target": "tr"}]}
    )

    q: TextOrTexts = Field(description="A text, or several, of which an empty one comes back as it is.")
    source: str = Field(max_length=16, description="The text's language, or auto.")
    target: str = Field(max_length=16, description="The language to translate into, such as tr.")
    format: Literal["text", "html"] = Field("text", description="Of html the text is translated; tags stay.")
    alternatives: Annotated[int, BeforeValidator(_number)] = Field(
        0, ge=0, le=10, description="Number of other translations to return."
    )
    api_key: str = Field("", max_length=200, description="The API key, where the service needs one.")


class DetectForm(LaxRequest):
    model_config = ConfigDict(json_schema_extra={"examples": [{"q": "İstasyon nerede?"}]})

    q: Text = Field(description="The text whose language to detect.")
    api_key: str = Field("", max_length=200, description="The API key, where the service needs one.")


class DetectedLanguage(Reply):
    confidence: float = Field(description="In percent.")
    language: str = Field(description="A code such as en.")


class TranslateAnswer(Reply):
    """Lists where q was a list."""

    translatedText: str | list[str] = Field(description="The translation.")  # noqa: N815
    detectedLanguage: DetectedLanguage | list[DetectedLanguage] | None = Field(  # noqa: N815
        None, description="With source auto: the language that was detected."
    )
    alternatives: list[str] | list[list[str]] | None = Field(
        None, description="With alternatives: other translations, the best first."
    )


class Language(Reply):
    code: str = Field(description="Such as en.")
    name: str = Field(description="In English.")
    targets: list[str] = Field(description="The codes of the languages into which it is translated.")


class NamedLanguage(Reply):
    code: str = Field(description="Such as en.")
    name: str = Field(description="In English.")


class DefaultLanguages(Reply):
    source: NamedLanguage = Field(description="The language that a page has chosen at first.")
    target: NamedLanguage = Field(description="The language into which it translates at first.")


class FrontendSettings(Reply):
    """As LibreTranslate's page asks for them; clients read limits from it."""

    apiKeys: bool = Field(description="Whether there are API keys.")  # noqa: N815
    charLimit: int = Field(description="Of a text.")  # noqa: N815
    filesTranslation: bool = Field(False, description="Whether files are translated.")  # noqa: N815
    frontendTimeout: int = Field(500, description="Milliseconds to wait after a key press.")  # noqa: N815
    keyRequired: bool = Field(description="Whether a request needs an API key.")  # noqa: N815
    language: DefaultLanguages = Field(description="The languages that a page has chosen at first.")
    suggestions: bool = Field(False, description="Whether translations can be suggested.")
    supportedFilesFormat: list[str] = Field([], description="Formats of files that are translated.")  # noqa: N815


class Status(Reply):
    status: Literal["ok"] = Field(description="Whether the service takes work.")


class LibreTranslateError(Reply):
    error: str = Field(description="What is wrong, with the field and its limit.")
