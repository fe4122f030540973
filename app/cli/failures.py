"""What a command says of an error."""

from collections.abc import Mapping
from types import MappingProxyType

from app.errors import InvalidRequest, NoModel, ServiceError
from models.errors import ModelError

NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


class Failed(Exception):
    """An error of the user's; its text is the line to print."""


def message_of(error: Exception, options: Mapping[str, str] = NO_OPTIONS) -> str | None:
    """The line that the command prints; None for an error that is none of the user's.

    options are those by which the command has fields of a request.
    """
    if isinstance(error, InvalidRequest):
        return ": ".join(filter(None, [options.get(error.field, error.field), error.detail]))
    if isinstance(error, NoModel):  # of several texts, which one
        return f"{error.field}: {error.detail}" if "/" in error.field else error.detail
    if isinstance(error, ModelError | ServiceError | Failed):
        return str(error)
    if isinstance(error, ValueError):
        from pydantic import ValidationError  # noqa: PLC0415 (only where there is an error)

        if isinstance(error, ValidationError):
            first = error.errors()[0]
            fields = [options.get(str(part), str(part)) for part in first["loc"][:1]]
            return ": ".join([*fields, first["msg"].removeprefix("Value error, ")])
    return None
