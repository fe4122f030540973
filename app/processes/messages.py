"""What an HTTP process and the engine's process send each other.

A number identifies a job, or a question that is answered, within one connection. A model is its name and version.
"""

from typing import Any

import msgspec

from app.processes.values import Failure, Value
from app.telemetry.merging import Family

ModelKey = tuple[str, str]
"""A served model's name and version."""


class Message(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Encoded as a list that begins with the name of its type."""


class Hello(Message, frozen=True):
    """An HTTP process is there; entered are its clients' running requests, which another engine has counted before."""

    process: str
    entered: list[tuple[int, str]]


class Submit(Message, frozen=True):
    number: int
    model: ModelKey
    job: Value
    caller: str
    urgency: int
    request_id: str


class Cancel(Message, frozen=True):
    """The caller has given up the job."""

    number: int


class Read(Message, frozen=True):
    """The caller has read so many of the job's events in all."""

    number: int
    taken: int


class Drain(Message, frozen=True):
    """This process sends no more jobs; those that run have so much time."""

    timeout_s: float


class Switched(Message, frozen=True):
    """Requests of this process are resolved to the models of that catalog from now on."""

    generation: int


class Released(Message, frozen=True):
    """No request of this process uses these models any more."""

    models: list[ModelKey]


class Enter(Message, frozen=True):
    """Count a request of a client, if it has not its maximum."""

    number: int
    client: str


class Leave(Message, frozen=True):
    """The request that was counted by that number has ended."""

    number: int


class Charge(Message, frozen=True):
    number: int
    client: str
    cost: float
    commit: bool


class Scrape(Message, frozen=True):
    """Ask for the metrics of all other processes."""

    number: int


class Measured(Message, frozen=True):
    """The metrics of this process, as the engine's has asked."""

    number: int
    families: list[Family]


class Description(msgspec.Struct, frozen=True):
    """A served model without its weights. config is that of its kind; precision that of its runtime."""

    name: str
    kind: str
    languages: tuple[str, ...]
    config: dict[str, Any]
    tokenizer: bytes
    tokenizer_kind: str
    lowercase: str
    emoji: str
    training: dict[str, Any]
    metrics: dict[str, Any]
    card: str
    version: str
    checksum: str
    size_bytes: int
    log: tuple[dict[str, Any], ...]
    default: bool
    precision: str

    @property
    def key(self) -> ModelKey:
        return self.name, self.version


class Catalog(Message, frozen=True):
    """The models that are served from now on; refused are checkpoints that can't be trusted, by name, and why."""

    generation: int
    device: str
    models: list[Description]
    refused: dict[str, str]


class Accepted(Message, frozen=True):
    """The job is queued; its result has at most so many scores."""

    number: int
    score_count: int


class Refused(Message, frozen=True):
    """The job is not queued."""

    number: int
    error: Failure


class Event(Message, frozen=True):
    """An event of a stream."""

    number: int
    event: Value


class Done(Message, frozen=True):
    """The end of a job: its result."""

    number: int
    result: Value


class Failed(Message, frozen=True):
    """The end of a job: an error."""

    number: int
    error: Failure


class Counted(Message, frozen=True):
    """The answer to Enter or Charge: headers for the reply, or an error."""

    number: int
    headers: dict[str, str]
    error: Failure | None = None


class Status(Message, frozen=True):
    """The engine's state. moving: its current step has not taken longer than a request may."""

    takes_work: bool
    stopping: bool
    outage: str
    running: int
    moving: bool


class Measure(Message, frozen=True):
    """Ask a process for its metrics."""

    number: int


class Scraped(Message, frozen=True):
    """The metrics of the other processes, each with its name."""

    number: int
    processes: list[tuple[str, list[Family]]]


ToEngine = (
    Hello | Submit | Cancel | Read | Drain | Switched | Released | Enter | Leave | Charge | Scrape | Measured
)  # fmt: skip
ToHttp = Catalog | Accepted | Refused | Event | Done | Failed | Counted | Status | Measure | Scraped
