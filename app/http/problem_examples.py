"""Examples of errors, for the OpenAPI document. Tests compare them with what is answered."""

from fnmatch import fnmatchcase
from http import HTTPStatus

from app.errors import (
    Conflict,
    DeadlineExceeded,
    EngineStopped,
    LimitExceeded,
    ModelNotFound,
    NoModel,
    Off,
    Unauthorized,
)
from app.http.problems import in_one_line, problem_document
from app.http.refusals import TOO_LARGE
from app.http.schemas.problem import FieldProblem, Problem


def _refusal(status: int, detail: str, title: str = "") -> Problem:
    return Problem(title=title or HTTPStatus(status).phrase, status=status, detail=detail, instance="", errors=[])


def _not_json(detail: str) -> Problem:
    return _refusal(400, detail, "Not JSON")


def _unsupported(detail: str) -> Problem:
    return _refusal(415, detail, "Unsupported media type")


def _wrong(pointer: str, detail: str) -> Problem:
    errors = [FieldProblem(pointer=pointer, detail=detail)]
    return Problem(title="Invalid request", status=422, detail=in_one_line(errors), instance="", errors=errors)


_MISSING = "Field required"
_NOT_MOVING = problem_document("", EngineStopped("the engine does not move"))
_LANGUAGE = NoModel("not a language of this service; there are en, tr", "source")
_EXAMPLES: tuple[tuple[str, Problem], ...] = (
    ("/livez", _NOT_MOVING),
    ("/v2/health/live", _NOT_MOVING),
    ("/describe", _unsupported("send a picture as image/png or image/jpeg, in a form, or in JSON as base64")),
    ("/transcribe", _unsupported("send a file as multipart/form-data or audio/*")),
    ("/v1/audio/transcriptions", _unsupported("send a file as multipart/form-data")),
    ("/train", _wrong("/steps", "Input should be less than or equal to 200; given: 300")),
    ("/hf/{model}", _wrong("/inputs", _MISSING)),
    ("/hf/{model}/v1/completions", _wrong("/max_tokens", "Input should be greater than or equal to -1; given: -5")),
    ("/hf/{model}/tokenize", _wrong("/text", "it is required, unless there is a prompt")),
    ("/hf/{model}/detokenize", _wrong("/tokens", _MISSING)),
    ("/libretranslate/*", _not_json("it is neither JSON nor a form")),
    ("/libretranslate/*", _wrong("/q", _MISSING)),
    ("/libretranslate/translate", problem_document("/libretranslate/translate", _LANGUAGE)),
    ("/libretranslate/detect", problem_document("/libretranslate/detect", NoModel("no translator is loaded"))),
    ("/v2/models/{model}/infer", _not_json("the body is not JSON")),
    ("/v2/models/{model}/infer", _wrong("/inputs", _MISSING)),
    ("/v2/models/{model}/infer", _unsupported(
        "send the body as content-type: application/json or application/octet-stream")),
    ("*", _not_json("the body is not JSON, from its character 17 on")),
    ("*", problem_document("", Unauthorized("an API key is needed: Authorization: Bearer …"))),
    ("*", problem_document("", Off("training is off; CAROUSEL_LESSONS=true turns it on"))),
    ("*", problem_document("", ModelNotFound("no such model; there are my-model, another-model", "model"))),
    ("*", problem_document(
        "", Conflict("it can't be opened: it is not whole, was altered, or was sealed with another key", "state"))),
    ("*", _refusal(413, "the body may have at most 2097152 bytes")),
    ("*", _unsupported("send the body as content-type: application/json")),
    ("*", _wrong("/model", "String should have at most 200 characters; given: 300")),
    ("*", problem_document("", LimitExceeded("it costs 300 tokens, and 120 of 1000 in 3600 s are left"))),
    ("*", _refusal(TOO_LARGE[0], TOO_LARGE[2], TOO_LARGE[1])),
    ("*", problem_document("", EngineStopped("the service is shutting down"))),
    ("*", problem_document("", DeadlineExceeded("no answer within 60 s"))),
)  # fmt: skip
"""Patterns of paths, with what is answered there: the first that fits counts."""


def problem_example(status: int, path: str) -> Problem:
    """What a route answers with one of the statuses of `contract.DESCRIPTIONS`, as a native one would."""
    example = next(one for pattern, one in _EXAMPLES if one.status == status and fnmatchcase(path, pattern))
    is_routed = status != TOO_LARGE[0]  # a header that is too large is not read
    return example.model_copy(update={"instance": path if is_routed else ""})
