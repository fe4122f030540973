"""The folder of a run, beside its output: the plan, and a file of answers for each part that is done.

A part is written beside its place and moved there whole, so that one that is there is complete.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.bulk.plan import Part, Plan
from app.errors import Conflict
from models.errors import DataError
from models.files import write_atomic, writing

PLAN, LOCK = "plan.json", "lock"
Outcome = dict[str, Any]
"""What has become of a row: its `answer`, or the `error` that it is."""


class RunFolder:
    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out. Raises Conflict where one is at work."""
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            try:
                import fcntl  # noqa: PLC0415 (not on every system)

                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except ImportError:
                pass
            except OSError:
                raise Conflict(f"{self.path}: another run is at work there") from None
            yield
        finally:
            os.close(lock)

    def plan(self) -> Plan | None:
        """That of the run before, None where there is none. Raises DataError for one that can't be read."""
        path = self.path / PLAN
        if not path.exists():
            return None
        try:
            return Plan.from_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError, TypeError):
            raise DataError(f"{path}: it is no plan of a run; begin anew with --overwrite") from None

    def begin(self, plan: Plan) -> None:
        """Forget all parts, and keep this plan."""
        with writing(self.path):
            for file in self.path.glob("*.jsonl*"):
                file.unlink()
            write_atomic(self.path / PLAN, plan.to_json().encode())

    def done(self, parts: Sequence[Part]) -> set[int]:
        """The numbers of the parts that are there."""
        return {part.number for part in parts if self._of(part.number).exists()}

    def write(self, number: int, outcomes: Sequence[Outcome]) -> None:
        lines = (json.dumps(outcome, ensure_ascii=False, allow_nan=False) + "\n" for outcome in outcomes)
        with writing(self.path, "; the same command goes on from the parts that are done"):
            write_atomic(self._of(number), "".join(lines).encode("utf-8", "backslashreplace"))

    def read_all(self, numbers: Iterable[int]) -> Iterator[Outcome]:
        """The outcomes of several parts, one after the other."""
        for number in numbers:
            yield from self.read(number)

    def read(self, number: int) -> Iterator[Outcome]:
        with self._of(number).open(encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)

    @property
    def scratch(self) -> Path:
        """A file for rows that have no answer, while the output is written."""
        return self.path / "bad"

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def _of(self, number: int) -> Path:
        return self.path / f"{number:06}.jsonl"
