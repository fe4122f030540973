"""An example of each error of the native routes, for the OpenAPI document. Tests compare them with what is answered."""

from http import HTTPStatus

from app.errors import Conflict, DeadlineExceeded, EngineStopped, LimitExceeded, ModelNotFound, Off, Unauthorized
from app.http.problems import problem_document
from app.http.refusals import TOO_LARGE
from app.http.schemas.problem import FieldProblem, Problem

_ERRORS = (
    Unauthorized("an API key is needed: Authorization: Bearer …"),
    Off("training is off; CAROUSEL_LESSONS=true turns it on"),
    ModelNotFound("no such model; there are my-model, another-model", "model"),
    Conflict("it can't be opened: it is not whole, was altered, or was sealed with another key", "state"),
    LimitExceeded("it costs 300 tokens, and 120 of 1000 in 3600 s are left"),
    EngineStopped("the service is shutting down"),
    DeadlineExceeded("no answer within 60 s"),
)
_REFUSALS = (
    (400, "Not JSON", "the body is not JSON, from its character 17 on"),
    (413, HTTPStatus(413).phrase, "the body may have at most 2097152 bytes"),
    (415, "Unsupported media type", "send the body as content-type: application/json"),
    TOO_LARGE,
)
_TOO_LONG = FieldProblem(pointer="/model", detail="String should have at most 200 characters; given: 300")
_TOO_MANY = FieldProblem(pointer="/steps", detail="Input should be less than or equal to 200; given: 300")
_OF_PATHS = {("/train", 422): Problem(
    title="Invalid request", status=422, detail="not valid: /steps", instance="", errors=[_TOO_MANY]
)}  # fmt: skip
"""Of routes that have other fields."""
_EXAMPLES = (
    *(problem_document("", error) for error in _ERRORS),
    *(
        Problem(title=title, status=status, detail=detail, instance="", errors=[])
        for status, title, detail in _REFUSALS
    ),
    Problem(title="Invalid request", status=422, detail="not valid: /model", instance="", errors=[_TOO_LONG]),
)


def problem_example(status: int, path: str) -> Problem:
    """What a native route answers with one of the statuses of `contract.DESCRIPTIONS`."""
    general = next(example for example in _EXAMPLES if example.status == status)
    example = _OF_PATHS.get((path, status), general)
    is_routed = status != TOO_LARGE[0]  # a header that is too large is not read
    return example.model_copy(update={"instance": path if is_routed else ""})
