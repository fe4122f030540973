"""API keys. Only their hashes are stored."""

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
from models.files import cause, write_atomic

PREFIX = "ck-"
log = get_logger(__name__)


class KeyFileError(ServiceError):
    """A file of keys can't be read or written, or lacks the key, or has it already."""


@dataclass(frozen=True)
class ApiKey:
    """A stored key. hash is the SHA-256 of the secret: its 256 random bits need no salt and no slow hash."""

    name: str
    hash: str
    created: str = ""

    @property
    def id(self) -> str:
        """The owner's name in logs, limits and state tokens."""
        return self.hash[:12]


class KeyFile:
    """Keys in a JSON file that only its owner may read. Where it raises KeyFileError, the file is unchanged."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[ApiKey]:
        """The keys; none if there is no file yet."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise KeyFileError(f"{self.path}: can't be read: {cause(error)}") from None
        try:
            return [ApiKey(**fields) for fields in json.loads(content)["keys"]]
        except (ValueError, TypeError, KeyError):
            raise KeyFileError(f"{self.path}: not a file of keys that `carousel keys` made") from None

    def add(self, name: str) -> str:
        """Make a key and return its secret, which is not stored."""
        keys = self.read()
        if any(key.name == name for key in keys):
            raise KeyFileError(f"{self.path}: there is a key named {name} already")
        secret = PREFIX + secrets.token_urlsafe(32)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        self._write([*keys, ApiKey(name, hash_of(secret), created)])
        return secret

    def revoke(self, name: str) -> None:
        keys = self.read()
        others = [key for key in keys if key.name != name]
        if len(others) == len(keys):
            raise KeyFileError(f"{self.path}: there is no key named {name}")
        self._write(others)

    def _write(self, keys: Sequence[ApiKey]) -> None:
        content = json.dumps({"keys": [asdict(key) for key in keys]}, indent=2, allow_nan=False) + "\n"
        try:
            # by process: two commands at the same time write to different files
            write_atomic(self.path, content.encode("utf-8"), mode=0o600, suffix=f".{os.getpid()}.partial")
        except OSError as error:
            raise KeyFileError(f"{self.path}: can't be written: {cause(error)}") from None


class KeyRing:
    """The keys of a service: those of the settings, and those of a file, which is reloaded when it changes."""

    def __init__(self, keys: Sequence[str] = (), file: Path | None = None) -> None:
        self._configured = [ApiKey(f"key {number}", hash_of(secret)) for number, secret in enumerate(keys, 1)]
        self._file = KeyFile(file) if file else None
        self._stamp = self._file_stamp()
        self._loaded = self._file.read() if self._file else []

    @property
    def closed(self) -> bool:
        """Whether a key is needed; it is with a file of keys, even an empty one."""
        return bool(self._configured or self._file)

    def find(self, secret: str) -> ApiKey | None:
        """The key of a secret. All keys are compared, each in constant time."""
        self._refresh()
        digest = hash_of(secret)
        matches = [key for key in (*self._configured, *self._loaded) if secrets.compare_digest(key.hash, digest)]
        return matches[0] if matches else None

    def _refresh(self) -> None:
        stamp = self._file_stamp()
        if stamp == self._stamp or self._file is None:
            return
        self._stamp = stamp
        try:
            self._loaded = self._file.read()
        except KeyFileError as error:
            log.warning("keys_not_read", reason=str(error))  # the previous keys stay valid
        else:
            log.info("keys_read", keys=len(self._loaded))

    def _file_stamp(self) -> tuple[int, int] | None:
        """Modification time and inode: they change whenever the file does."""
        try:
            status = self._file.path.stat() if self._file else None
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_ino) if status else None


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
