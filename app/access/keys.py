"""API keys: whoever has one is let in. Only their hashes are kept."""

import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.errors import ServiceError
from app.telemetry.logs import get_logger
from models.files import write_atomic

PREFIX = "ck-"
log = get_logger(__name__)


class KeyFileError(ServiceError):
    """A file of keys that can't be read or written, or has not what is asked of it."""


@dataclass(frozen=True)
class ApiKey:
    """A key as it is kept. hash is the secret's SHA-256: of 256 random bits, it needs no salt and no slowness."""

    name: str
    hash: str
    created: str = ""

    @property
    def id(self) -> str:
        """What logs, limits and states call its owner."""
        return self.hash[:12]


class KeyFile:
    """Keys in a JSON file that only its owner may read. Raises KeyFileError, and leaves the file as it was."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[ApiKey]:
        """The keys, none where there is no file yet."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise KeyFileError(f"{self.path}: can't be read: {error.strerror}") from None
        try:
            return [ApiKey(**fields) for fields in json.loads(content)["keys"]]
        except (ValueError, TypeError, KeyError):
            raise KeyFileError(f"{self.path}: not a file of keys that `carousel keys` made") from None

    def add(self, name: str) -> str:
        """Make a key and return its secret, which is kept nowhere."""
        keys = self.read()
        if any(key.name == name for key in keys):
            raise KeyFileError(f"{self.path}: there is a key named {name} already")
        secret = PREFIX + secrets.token_urlsafe(32)
        made = datetime.now(UTC).isoformat(timespec="seconds")
        self._write([*keys, ApiKey(name, hash_of(secret), made)])
        return secret

    def revoke(self, name: str) -> None:
        keys = self.read()
        left = [key for key in keys if key.name != name]
        if len(left) == len(keys):
            raise KeyFileError(f"{self.path}: there is no key named {name}")
        self._write(left)

    def _write(self, keys: Sequence[ApiKey]) -> None:
        content = json.dumps({"keys": [asdict(key) for key in keys]}, indent=2) + "\n"
        try:
            # by process: two commands at the same time write to different files
            write_atomic(self.path, content.encode("utf-8"), mode=0o600, suffix=f".{os.getpid()}.partial")
        except OSError as error:
            raise KeyFileError(f"{self.path}: can't be written: {error.strerror}") from None


class KeyRing:
    """The keys of a service: those that settings give, and those of a file, which is read again when it changes."""

    def __init__(self, given: Sequence[str] = (), file: Path | None = None) -> None:
        self._given = [ApiKey(f"key {number}", hash_of(secret)) for number, secret in enumerate(given, 1)]
        self._file = KeyFile(file) if file else None
        self._stamp = self._look()
        self._kept = self._file.read() if self._file else []

    @property
    def closed(self) -> bool:
        """Whether a key is needed. A file of keys says so even where it has none."""
        return bool(self._given or self._file)

    def find(self, secret: str) -> ApiKey | None:
        """The key of a secret. Every key is compared, each in constant time."""
        self._refresh()
        wanted = hash_of(secret)
        found = [key for key in (*self._given, *self._kept) if secrets.compare_digest(key.hash, wanted)]
        return found[0] if found else None

    def _refresh(self) -> None:
        stamp = self._look()
        if stamp == self._stamp or self._file is None:
            return
        self._stamp = stamp
        try:
            self._kept = self._file.read()
        except KeyFileError as error:
            log.warning("keys_not_read", reason=str(error))  # the keys that were known go on counting
        else:
            log.info("keys_read", keys=len(self._kept))

    def _look(self) -> tuple[int, int] | None:
        """What changes where the file does."""
        try:
            status = self._file.path.stat() if self._file else None
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_ino) if status else None


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
