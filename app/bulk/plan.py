"""A run's plan: its inputs, cut into parts of rows, and its options; a run that is resumed must have the same one."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.bulk.scan import Scan
from app.errors import InvalidRequest
from models.json_text import dumps

LIMITS = (
    "max_prompt_characters",
    "max_text_characters",
    "max_source_characters",
    "max_new_tokens",
    "max_choices",
    "max_beam_size",
    "max_request_tokens",
    "max_reply_scores",
    "max_search_characters",
)
"""The settings on which it depends whether a row is answered."""


@dataclass(frozen=True)
class Part:
    """Rows start to stop, from 0, of an input; offset is the number of rows of all inputs before the first of them."""

    number: int
    source: int
    start: int
    stop: int
    offset: int

    @property
    def rows(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Plan:
    """identity is what a run that is resumed must have in common with the one before.

    scans are of the inputs, in their order; seed is the first row's, of a task that draws random numbers; part_rows is
    the length of a part, but for the last one of an input.
    """

    identity: Mapping[str, Any]
    scans: Sequence[Scan]
    seed: int
    part_rows: int

    @property
    def rows(self) -> int:
        return sum(scan.rows for scan in self.scans)

    def parts(self) -> Iterator[Part]:
        """All parts, in the order of the rows: none has rows of two inputs."""
        number = offset = 0
        for source, scan in enumerate(self.scans):
            for start in range(0, scan.rows, self.part_rows):
                stop = min(start + self.part_rows, scan.rows)
                yield Part(number, source, start, stop, offset + start)
                number += 1
            offset += scan.rows

    def to_json(self) -> str:
        return dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Raises ValueError, KeyError or TypeError for what is no plan."""
        fields = json.loads(text)
        return cls(fields["identity"], [Scan(**scan) for scan in fields["scans"]], fields["seed"], fields["part_rows"])


def check_same(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise InvalidRequest, naming what differs, where a run can't be resumed."""
    differences = list(_differences(before, json.loads(dumps(now))))
    if differences:
        advice = "go on with what it was begun with, or begin anew with --overwrite"
        raise InvalidRequest(f"it is a run of something else: {'; '.join(differences)}; {advice}", str(folder))


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], name: str = "") -> Iterator[str]:
    for key in {**before, **now}:
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, "" if key in ("options", "limits") else f"{key}: ")
        elif name in ("inputs: ", "models: "):
            what = "has changed" if old and new else "was not there before" if new else "is missing"
            yield f"{key} {what}"
        else:
            yield f"{key} was {_shown(old)} and is {_shown(new)}"


def _shown(value: Any) -> str:
    return "left out" if value is None else dumps(value)
