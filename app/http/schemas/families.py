"""The errors of the routes that implement other services' APIs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.http.schemas.problem import MODEL_NOT_FOUND, Problem


@dataclass(frozen=True)
class Family:
    """Routes under a prefix, the schema of their errors, and the statuses that replace the native ones."""

    prefix: str
    error: Callable[[Problem], dict[str, Any]]
    statuses: dict[int, int] = field(default_factory=dict)

    def status(self, native: int) -> int:
        return self.statuses.get(native, native)


def message(problem: Problem) -> str:
    """A problem in one line."""
    if not problem.errors:
        return problem.detail
    return "; ".join(f"{error.pointer.lstrip('/') or 'the body'}: {error.detail}" for error in problem.errors)


def openai_error(problem: Problem) -> dict[str, Any]:
    """As api.openai.com: a type, and a code for errors that clients distinguish."""
    kinds = {429: "rate_limit_error"}
    codes = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
    if problem.title == MODEL_NOT_FOUND:
        codes[404] = "model_not_found"
    default = "server_error" if problem.status >= 500 else "invalid_request_error"
    parameter = problem.errors[0].pointer.split("/")[1] if problem.errors and problem.errors[0].pointer else None
    return {
        "error": {
            "message": message(problem),
            "type": kinds.get(problem.status, default),
            "param": parameter,
            "code": codes.get(problem.status),
        }
    }


def libretranslate_error(problem: Problem) -> dict[str, Any]:
    return {"error": message(problem)}


def open_inference_error(problem: Problem) -> dict[str, Any]:
    return {"error": message(problem)}


def huggingface_error(problem: Problem) -> dict[str, Any]:
    """As text-generation-inference."""
    kinds = {
        400: "validation",
        401: "unauthorized",
        404: "not_found",
        405: "validation",
        413: "validation",
        415: "validation",
        422: "validation",
        429: "overloaded",
        503: "unavailable",
        504: "timeout",
    }
    return {"error": message(problem), "error_type": kinds.get(problem.status, "generation")}


FAMILIES = (
    Family("/v1", openai_error, {422: 400}),
    Family("/libretranslate", libretranslate_error, {422: 400, 401: 403}),
    Family("/hf", huggingface_error),
    Family("/v2", open_inference_error, {422: 400}),
)


def family_of(path: str) -> Family | None:
    """The family that a path belongs to; None for native routes."""
    return next((family for family in FAMILIES if f"{path}/".startswith(f"{family.prefix}/")), None)
