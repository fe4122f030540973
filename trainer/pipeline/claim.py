"""One run an output folder: a lock that ends with its process, however that ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from models.errors import DataError
from models.files import writing
from trainer.loop.distributed import World
from trainer.pipeline import session

LOCK = "lock"


@contextmanager
def claimed(output: Path, world: World, resume: bool) -> Iterator[None]:
    """Hold an output folder for this run; of several processes, the first one does.

    Raises DataError where another run holds it, or as `session.check_output` does, and CheckpointError where nothing
    can be written there.
    """
    work = session.work_folder(output)
    lock = Lock(work / LOCK)

    def claim() -> None:
        if not lock.take(create=False):  # a run that is alive explains all that is there
            raise _busy(output, lock)
        lock.release()
        session.check_output(output, resume)
        with writing(work):
            work.mkdir(parents=True, exist_ok=True)
            if not lock.take(create=True):
                raise _busy(output, lock)
        if not resume and session.is_finished(output):  # by a run that ended in between
            lock.release()
            session.check_output(output, resume)

    world.decide(claim)
    try:
        yield
    finally:
        lock.release()


def _busy(output: Path, lock: "Lock") -> DataError:
    return DataError(
        f"{output}: another run (process {lock.owner()}) is writing there; wait for it, or choose another --out"
    )


class Lock:
    """A lock on a file, which the system releases where the process dies. Windows has none of this kind."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def take(self, create: bool) -> bool:
        """Whether nobody else holds it. Without create, a file that does not exist is left so. Raises OSError."""
        if sys.platform == "win32":
            return True
        import fcntl  # noqa: PLC0415 — not on every system

        while create or self.path.exists():
            try:
                descriptor = os.open(self.path, os.O_RDWR | (os.O_CREAT if create else 0), 0o666)
            except FileNotFoundError:
                if create:
                    raise
                break
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return False
            except OSError:  # a file system without locks: nothing is known of others
                self._descriptor = descriptor
                return True
            if self._is_there(descriptor):
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
                self._descriptor = descriptor
                return True
            os.close(descriptor)  # its run ended and deleted the file in between
        return True

    def release(self) -> None:
        """Delete the file while it is locked, so that nobody locks one that is about to go, and an empty folder."""
        if self._descriptor is not None:
            with suppress(OSError):
                self.path.unlink()
                self.path.parent.rmdir()
            os.close(self._descriptor)
            self._descriptor = None

    def owner(self) -> str:
        """The process that holds it."""
        try:
            return self.path.read_text(encoding="ascii").strip() or "?"
        except (OSError, ValueError):
            return "?"

    def _is_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False
