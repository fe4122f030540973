"""What the service refuses or fails to do, and the one place that says which HTTP status that is.

ServiceError
├── InvalidRequest         422  a field is wrong in a way that its schema can't see
├── ModelNotFound          404  no model of that name
├── NoModel                422  no model of the kind or language that the request needs
├── QueueFull              429  as much is waiting as settings allow
├── ClientGone             499  the client hung up; nobody reads the answer (nginx's number for it)
├── EngineStopped          503  the service is going down, or its engine died
└── DeadlineExceeded       504  the answer took longer than settings allow
"""


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


class InvalidRequest(ServiceError):
    status = 422
    title = "Invalid request"
    reason = "invalid"


class ModelNotFound(ServiceError):
    status = 404
    title = "Model not found"
    reason = "model_not_found"


class NoModel(ServiceError):
    status = 422
    title = "No model for this request"
    reason = "no_model"


class QueueFull(ServiceError):
    """retry_after_s says when what waits now will probably have begun."""

    status = 429
    title = "Too many requests"
    reason = "queue_full"

    def __init__(self, detail: str, retry_after_s: float = 0.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class ClientGone(ServiceError):
    status = 499
    title = "Client closed request"
    reason = "client_gone"


class EngineStopped(ServiceError):
    status = 503
    title = "Service unavailable"
    reason = "stopped"


class DeadlineExceeded(ServiceError):
    status = 504
    title = "Deadline exceeded"
    reason = "deadline"
