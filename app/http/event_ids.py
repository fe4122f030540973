"""The ids of a stream's events, by which a client resumes it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from app.catalog.registry import Served
from app.errors import Conflict

FIELD = "last-event-id"
VERSION_LENGTH = 8
_ID = re.compile(r"(?P<version>[0-9a-f]{8})-(?P<seed>[0-9]{1,19})-(?P<number>[0-9]{1,9})")


@dataclass(frozen=True)
class EventIds:
    """The ids of a stream's events. A request with the id of the last event received resumes the stream after it.

    An id holds all that the same text depends on beside the request, so that nothing is stored for clients
    that may resume, and any replica with the same model can continue the stream.
    """

    version: str
    seed: int = 0
    received: int = 0
    """Number of events that the client has."""

    def __getitem__(self, number: int) -> str:
        return f"{self.version[:VERSION_LENGTH]}-{self.seed}-{number}"

    @classmethod
    def after(cls, last: str | None, models: Sequence[Served], seed: int | None, new_seed: int) -> "EventIds":
        """The ids of a stream that starts, with the request's seed or a new one, or of one resumed after `last`.

        models are those that answer. Raises Conflict where `last` is no id of such a stream.
        """
        versions = " ".join(f"{served.checkpoint.version} {served.runtime.precision}" for served in models)
        version = sha256(versions.encode()).hexdigest()
        if last is None:
            return cls(version, new_seed if seed is None else seed)
        match = _ID.fullmatch(last)
        if not match:
            raise Conflict("it is not the id of an event of this service", FIELD)
        if match["version"] != version[:VERSION_LENGTH]:
            raise Conflict("it is the id of an event of another model, or another version of it", FIELD)
        if seed not in (None, int(match["seed"])):
            raise Conflict("it is the id of an event of another request: the seeds differ", FIELD)
        return cls(version, int(match["seed"]), int(match["number"]) + 1)
