"""What requests of other services' clients share: they send unknown keys."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict

from app.http.schemas.base import NullsLeftOut, unicode_text

Content = Annotated[str, AfterValidator(unicode_text)]
"""A text that may be empty."""


class LaxRequest(NullsLeftOut):
    """Unknown keys are ignored."""

    model_config = ConfigDict(extra="ignore")
