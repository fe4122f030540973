"""What requests of other services' clients share: they send nulls and unknown keys."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.schemas.base import Text, unicode_text

Content = Annotated[str, AfterValidator(unicode_text)]
"""A text, which may be empty."""
Texts = Annotated[list[Text], Field(min_length=1)]


class LaxRequest(BaseModel):
    """Nulls count as left out, and unknown keys are passed over."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        return {name: value for name, value in given.items() if value is not None} if isinstance(given, dict) else given
