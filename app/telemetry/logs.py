"""Logs are JSON events with numbers and a request id, and never a user's text."""

import logging
import os
import sys
import traceback
from contextvars import ContextVar
from datetime import datetime
from types import TracebackType

import structlog
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.types import EventDict, Processor, WrappedLogger

request_id: ContextVar[str] = ContextVar("request_id", default="")


def get_logger(name: str) -> BoundLogger:
    """A named logger of events: `log.info("batch_done", jobs=3)`."""
    logger: BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[structlog.stdlib.filter_by_level, *_common_processors(), ProcessorFormatter.wrap_for_formatter],
        wrapper_class=BoundLogger,
        cache_logger_on_first_use=True,
    )
    return logger


def configure_logging(for_people: bool = False, warnings_only: bool = False) -> None:
    """Write the events of `app` and uvicorn to standard error: one JSON object a line, or lines for people."""
    handler = logging.StreamHandler()
    handler.setFormatter(people_formatter() if for_people else json_formatter())
    for name in ("app", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING if warnings_only else logging.INFO)


def people_formatter() -> ProcessorFormatter:
    """A line for people for each event: time, level, event, fields; in colour on a terminal, but for NO_COLOR."""
    colors = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return ProcessorFormatter(
        processors=[
            ProcessorFormatter.remove_processors_meta,
            _for_people,
            structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="time", pad_event_to=0, pad_level=False),
        ],
        foreign_pre_chain=_common_processors(),
    )


def _for_people(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The local time of day, and no name of the module."""
    event.pop("logger", None)
    moment = datetime.fromisoformat(event["time"])
    event["time"] = f"{moment.astimezone():%H:%M:%S}"
    return event


def json_formatter() -> ProcessorFormatter:
    """One JSON object per line, for our events and those of other libraries."""
    return ProcessorFormatter(
        processors=[ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer(ensure_ascii=False)],
        foreign_pre_chain=_common_processors(),
    )


def _common_processors() -> list[Processor]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _add_request_id,
        _add_error,
    ]


def _add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if identifier := request_id.get():
        event["request_id"] = identifier
    return event


def _add_error(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Log the type and traceback of an error. Its message is left out, since it could quote a user's text."""
    exc_info = event.pop("exc_info", None)
    if not exc_info:
        return event
    error: BaseException | None
    trace: TracebackType | None
    if isinstance(exc_info, BaseException):
        error, trace = exc_info, exc_info.__traceback__
    else:
        _, error, trace = exc_info if isinstance(exc_info, tuple) else sys.exc_info()
    event["error"] = type(error).__name__ if error else ""
    event["trace"] = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(trace)]
    return event
