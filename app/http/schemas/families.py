"""How each family of routes that other services' clients speak says that something is wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.http.schemas.problem import MODEL_NOT_FOUND, Problem


@dataclass(frozen=True)
class Family:
    """Routes under a prefix, the shape of their errors, and the statuses that they have instead of ours."""

    prefix: str
    error: Callable[[Problem], dict[str, Any]]
    statuses: dict[int, int] = field(default_factory=dict)

    def status(self, ours: int) -> int:
        return self.statuses.get(ours, ours)


def message(problem: Problem) -> str:
    """All of a problem in one line."""
    if not problem.errors:
        return problem.detail
    return "; ".join(f"{error.pointer.lstrip('/') or 'the body'}: {error.detail}" for error in problem.errors)


def openai_error(problem: Problem) -> dict[str, Any]:
    """As of api.openai.com: type, and for what clients look at, a code."""
    kinds = {429: "rate_limit_error"}
    codes = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
    if problem.title == MODEL_NOT_FOUND:
        codes[404] = "model_not_found"
    ours = "server_error" if problem.status >= 500 else "invalid_request_error"
    parameter = problem.errors[0].pointer.split("/")[1] if problem.errors and problem.errors[0].pointer else None
    return {
        "error": {
            "message": message(problem),
            "type": kinds.get(problem.status, ours),
            "param": parameter,
            "code": codes.get(problem.status),
        }
    }


def libretranslate_error(problem: Problem) -> dict[str, Any]:
    return {"error": message(problem)}


def huggingface_error(problem: Problem) -> dict[str, Any]:
    """As of text-generation-inference."""
    kinds = {
        400: "validation",
        401: "unauthorized",
        404: "not_found",
        422: "validation",
        429: "overloaded",
        503: "unavailable",
        504: "timeout",
    }
    return {"error": message(problem), "error_type": kinds.get(problem.status, "generation")}


FAMILIES = (
    Family("/v1/", openai_error, {422: 400}),
    Family("/libretranslate/", libretranslate_error, {422: 400, 401: 403}),
    Family("/hf/", huggingface_error),
)


def family_of(path: str) -> Family | None:
    """The family that a path belongs to; None for our own routes."""
    return next((family for family in FAMILIES if path.startswith(family.prefix)), None)
