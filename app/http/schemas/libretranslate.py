"""LibreTranslate's requests and replies."""

from typing import Literal

from pydantic import ConfigDict, Field

from app.http.schemas.base import Reply, Text, TextOrTexts
from app.http.schemas.lax import LaxRequest


class TranslateForm(LaxRequest):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"q": "Where is the station?", "source": "auto", "target": "tr"}]}
    )

    q: TextOrTexts = Field(description="A text, or several, of which an empty one comes back as it is.")
    source: str = Field(max_length=16, description="The text's language, or auto.")
    target: str = Field(max_length=16)
    format: Literal["text", "html"] = Field("text", description="Of html the text is translated; tags stay.")
    alternatives: int = Field(0, ge=0, le=10)
    api_key: str = Field("", max_length=200)


class DetectForm(LaxRequest):
    model_config = ConfigDict(json_schema_extra={"examples": [{"q": "İstasyon nerede?"}]})

    q: Text
    api_key: str = Field("", max_length=200)


class DetectedLanguage(Reply):
    confidence: float = Field(description="In percent.")
    language: str


class TranslateAnswer(Reply):
    """Lists where q was a list."""

    translatedText: str | list[str]  # noqa: N815
    detectedLanguage: DetectedLanguage | list[DetectedLanguage] | None = None  # noqa: N815
    alternatives: list[str] | list[list[str]] | None = None


class Language(Reply):
    code: str
    name: str
    targets: list[str]


class NamedLanguage(Reply):
    code: str
    name: str


class DefaultLanguages(Reply):
    source: NamedLanguage
    target: NamedLanguage


class FrontendSettings(Reply):
    """As LibreTranslate's page asks for them; clients read limits from it."""

    apiKeys: bool  # noqa: N815
    charLimit: int = Field(description="Of a text.")  # noqa: N815
    filesTranslation: bool = False  # noqa: N815
    frontendTimeout: int = Field(500, description="Milliseconds to wait after a key press.")  # noqa: N815
    keyRequired: bool  # noqa: N815
    language: DefaultLanguages
    suggestions: bool = False
    supportedFilesFormat: list[str] = Field([])  # noqa: N815


class Status(Reply):
    status: Literal["ok"]


class LibreTranslateError(Reply):
    error: str
