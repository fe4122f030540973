"""What the load generator records: a request, and all requests of one load, with the file that hands them over."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

ANSWERED = 200
REFUSED = (429, 503)


@dataclass(frozen=True)
class Record:
    """One request; times are in seconds on one clock.

    start is when it was sent, or due to be sent in an open loop. first is the arrival of its first
    token and gaps the times between its tokens, for streams only. end is the end of the reply, or the
    event that says so. tokens are those generated, as the reply reports them. status is 0 where no
    complete reply came, and error says why; a status of 200 can come with an error too.
    """

    start: float
    end: float
    status: int
    tokens: int = 0
    first: float | None = None
    gaps: tuple[float, ...] = ()
    error: str = ""

    @property
    def answered(self) -> bool:
        return self.status == ANSWERED and not self.error

    @property
    def refused(self) -> bool:
        return self.status in REFUSED


@dataclass(frozen=True)
class Outcome:
    """All records of one load, and the window from begin to end that is measured.

    is_open says whether requests came on a schedule rather than when a client was free. cpu_s is
    the processor time that the load generator itself took within the window.
    """

    begin: float
    end: float
    is_open: bool
    cpu_s: float
    records: tuple[Record, ...]

    @property
    def seconds(self) -> float:
        return self.end - self.begin


def write_outcome(path: Path, outcome: Outcome) -> None:
    path.write_text(json.dumps(asdict(outcome)), encoding="utf-8")


def read_outcome(path: Path) -> Outcome:
    fields = json.loads(path.read_text(encoding="utf-8"))
    records = tuple(Record(**{**record, "gaps": tuple(record["gaps"])}) for record in fields.pop("records"))
    return Outcome(**fields, records=records)
