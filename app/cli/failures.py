"""What a command says of an error."""

from app.errors import InvalidRequest, NoModel, ServiceError
from models.errors import ModelError


def message_of(error: Exception) -> str | None:
    """The line that the command prints; None for an error that is none of the user's."""
    if isinstance(error, InvalidRequest):
        return ": ".join(filter(None, [error.field, error.detail]))
    if isinstance(error, NoModel):  # of several texts, which one
        return f"{error.field}: {error.detail}" if "/" in error.field else error.detail
    if isinstance(error, ModelError | ServiceError):
        return str(error)
    if isinstance(error, ValueError):
        from pydantic import ValidationError  # noqa: PLC0415 (only where there is an error)

        if isinstance(error, ValidationError):
            first = error.errors()[0]
            return ": ".join([*(str(part) for part in first["loc"][:1]), first["msg"].removeprefix("Value error, ")])
    return None
