"""What the service refuses or fails to do. `app/http/problems.py` says which HTTP status each of them is.

ServiceError
├── InvalidRequest         a field is wrong in a way that its schema can't see
├── ModelNotFound          no model of that name
├── NotServed              another service's API has it, and this service does not
├── NoModel                no model of the kind or language that the request needs
├── Conflict               a state or an event's id, sent back by the client, does not fit
├── Unauthorized           no API key, or an unknown one
├── Off                    settings turn it off
├── TooMuchWork            it would take longer than settings allow, also with nothing else to do
├── Busy                   try again later
│   ├── LimitExceeded      the client is over its rate limit
│   └── QueueFull          the queue is as long as settings allow
├── ClientGone             the client hung up
├── EngineStopped          the service is shutting down, or its engine died
└── DeadlineExceeded       the answer took longer than settings allow
"""

from collections.abc import Mapping


class ServiceError(Exception):
    """detail is for the client; field is the name of the input to blame, or empty: an item of a list is `text/1`."""

    reason = "internal"
    """In one word, for metrics."""

    def __init__(self, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class InvalidRequest(ServiceError):
    reason = "invalid"


class ModelNotFound(ServiceError):
    reason = "model_not_found"


class NotServed(ServiceError):
    reason = "not_served"


class NoModel(ServiceError):
    reason = "no_model"


class Conflict(ServiceError):
    reason = "conflict"


class Unauthorized(ServiceError):
    reason = "unauthorized"


class Off(ServiceError):
    reason = "off"


class TooMuchWork(ServiceError):
    reason = "too_much_work"


class Busy(ServiceError):
    """retry_after_s says when it is worth trying again."""

    def __init__(self, detail: str, retry_after_s: float = 0.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class LimitExceeded(Busy):
    """headers tell the client its limits."""

    reason = "limit_exceeded"

    def __init__(self, detail: str, retry_after_s: float = 0.0, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail, retry_after_s)
        self.headers = dict(headers or {})


class QueueFull(Busy):
    """retry_after_s is when the requests in the queue will probably have started."""

    reason = "queue_full"


class ClientGone(ServiceError):
    reason = "client_gone"


class EngineStopped(ServiceError):
    reason = "stopped"


class DeadlineExceeded(ServiceError):
    reason = "deadline"
