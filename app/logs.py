"""Logs are JSON events with numbers and a request id, and never a user's text."""

import json
import logging
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str] = ContextVar("request_id", default="")


class EventLogger:
    """A named logger of events: `log.info("batch_done", jobs=3)`."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def info(self, event: str, **fields: object) -> None:
        self._logger.info(event, extra={"fields": fields})

    def warning(self, event: str, **fields: object) -> None:
        self._logger.warning(event, extra={"fields": fields})

    def exception(self, event: str, error: BaseException | None = None, **fields: object) -> None:
        """Log an error, or the one being handled, with the place where it was raised.

        Its message could quote a user, and is left out.
        """
        self._logger.error(event, exc_info=error or True, extra={"fields": fields})


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        }
        if identifier := request_id.get():
            event["request_id"] = identifier
        event.update(getattr(record, "fields", {}))
        if record.exc_info:
            kind, _, trace = record.exc_info
            event["error"] = kind.__name__ if kind else ""
            event["trace"] = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(trace)]
        return json.dumps(event, ensure_ascii=False)


def get_logger(name: str) -> EventLogger:
    return EventLogger(logging.getLogger(name))


def configure_logging() -> None:
    """Send the events of `app` and uvicorn to standard error, a JSON object a line."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    for name in ("app", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)
