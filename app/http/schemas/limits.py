"""Limits that come from settings, put into a request's shape, so that the OpenAPI page shows them."""

from copy import copy
from typing import Any, TypeVar

from annotated_types import Le, MaxLen
from pydantic import BaseModel, create_model

RequestT = TypeVar("RequestT", bound=BaseModel)


def limited(shape: type[RequestT], **limits: Any) -> type[RequestT]:
    """The shape with a limit for each named field.

    A number is the most characters of a text, items of a list, or the greatest value of a number;
    anything else is the field's new type.
    """
    fields: dict[str, Any] = {}
    for name, limit in limits.items():
        field = copy(shape.model_fields[name])
        annotation: Any = field.annotation
        if not isinstance(limit, int):
            annotation = limit
        elif annotation is int:
            field.metadata = [*field.metadata, Le(limit)]
            field.default = min(field.default, limit)
        else:
            field.metadata = [MaxLen(limit), *field.metadata]  # first, or a long text is read before it is refused
        fields[name] = (annotation, field)
    made: type[RequestT] = create_model(shape.__name__, __base__=shape, __module__=shape.__module__, **fields)
    return made
