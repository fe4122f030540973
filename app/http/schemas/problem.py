"""The schema of every error of the native routes: RFC 9457, application/problem+json."""

from app.http.schemas.base import Reply

MODEL_NOT_FOUND = "Model not found"
"""The title of this one error: OpenAI's clients get a code for it."""


class FieldProblem(Reply):
    """pointer is a JSON pointer (RFC 6901) into the request's body, or the name of a parameter."""

    pointer: str
    detail: str


class Problem(Reply):
    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldProblem]
