"""What the service refuses or fails to do, and the one place that says which HTTP status that is.

ServiceError
├── InvalidRequest         422  a field is wrong in a way that its schema can't see
├── ModelNotFound          404  no model of that name
├── NoModel                404  no model of the kind or language that the request needs
├── Conflict               409  what the client kept, a state or an event's id, does not fit
├── Unauthorized           401  no API key, or one that is not known
├── LimitExceeded          429  a client has asked for more than it may
├── QueueFull              429  as much is waiting as settings allow
├── ClientGone             499  the client hung up; nobody reads the answer (nginx's number for it)
├── EngineStopped          503  the service is going down, or its engine died
└── DeadlineExceeded       504  the answer took longer than settings allow
"""

import math
from collections.abc import Mapping


class ServiceError(Exception):
    """Base of all; detail is for the client, pointer the JSON pointer of the field to blame, or empty."""

    status = 500
    title = "Internal error"
    reason = "internal"
    """In one word, for metrics."""

    def __init__(self, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer

    @property
    def headers(self) -> dict[str, str]:
        """Of the reply, beside those that every reply has."""
        return {}


class InvalidRequest(ServiceError):
    status = 422
    title = "Invalid request"
    reason = "invalid"


class ModelNotFound(ServiceError):
    status = 404
    title = "Model not found"
    reason = "model_not_found"


class NoModel(ServiceError):
    status = 404
    title = "No model for this request"
    reason = "no_model"


class Conflict(ServiceError):
    status = 409
    title = "Conflict"
    reason = "conflict"


class Unauthorized(ServiceError):
    status = 401
    title = "Unauthorized"
    reason = "unauthorized"

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": "Bearer"}


class Busy(ServiceError):
    """Too much at the moment: retry_after_s says when it is worth trying again."""

    status = 429
    title = "Too many requests"

    def __init__(self, detail: str, retry_after_s: float = 0.0, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        self._headers = dict(headers or {})

    @property
    def headers(self) -> dict[str, str]:
        return {**self._headers, "Retry-After": str(max(1, math.ceil(self.retry_after_s)))}


class LimitExceeded(Busy):
    reason = "limit_exceeded"


class QueueFull(Busy):
    """retry_after_s is when what waits now will probably have begun."""

    reason = "queue_full"


class ClientGone(ServiceError):
    status = 499
    title = "Client closed request"
    reason = "client_gone"


class EngineStopped(ServiceError):
    status = 503
    title = "Service unavailable"
    reason = "stopped"

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": "1"}


class DeadlineExceeded(ServiceError):
    status = 504
    title = "Deadline exceeded"
    reason = "deadline"
