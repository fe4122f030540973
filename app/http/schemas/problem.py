"""The schema of every error of the native routes: RFC 9457, application/problem+json."""

from pydantic import Field

from app.http.schemas.base import Reply

MODEL_NOT_FOUND = "Model not found"
"""The title of this one error: OpenAI's clients get a code for it."""


class FieldProblem(Reply):
    """pointer is a JSON pointer (RFC 6901) into the request's body, or the name of a parameter."""

    pointer: str = Field(description="A JSON pointer (RFC 6901) into the request's body, or the name of a parameter.")
    detail: str = Field(description="What is wrong there.")


class Problem(Reply):
    type: str = Field("about:blank", description="Always about:blank: the status says the kind.")
    title: str = Field(description="The kind of problem.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong, with the field and its limit; never the text that was sent.")
    instance: str = Field(description="The address of the request.")
    errors: list[FieldProblem] = Field(description="The fields that are wrong; empty where it is none of them.")
