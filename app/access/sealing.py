"""Snapshots as opaque tokens for clients to keep: authenticated encryption."""

import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import BaseModel, ConfigDict, ValidationError

from app.engine.snapshot import Snapshot
from app.errors import Conflict
from app.lessons.state import LessonState

ContentT = TypeVar("ContentT", Snapshot, LessonState)


class SealedState(BaseModel, Generic[ContentT]):
    """What is in a token; expires is in seconds of the Unix epoch."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")

    snapshot: ContentT
    client: str
    expires: float


class Sealer:
    """Seals with the first key, and opens with any: so keys are rotated without an interruption.

    A token is Fernet's (AES-128-CBC and HMAC-SHA256) of compressed JSON. Without a key it can neither be read nor
    changed; every service with the same keys and models can continue from it.
    """

    def __init__(self, keys: Sequence[str], lifetime_s: float, clock: Callable[[], float] = time.time) -> None:
        """Without keys, one is generated: its tokens can't be opened after a restart, or by another process."""
        self._fernet = MultiFernet([Fernet(key) for key in keys or [Fernet.generate_key().decode()]])
        self._lifetime_s, self._clock = lifetime_s, clock

    def seal(self, snapshot: Snapshot | LessonState, client: str) -> str:
        """A token that only this client can use, until it expires."""
        kind: Any = SealedState[type(snapshot)]  # type: ignore[misc]
        content = kind(snapshot=snapshot, client=client, expires=self._clock() + self._lifetime_s)
        return self._fernet.encrypt(zlib.compress(content.model_dump_json().encode(), 1)).decode()

    def open(self, token: str, client: str) -> Snapshot:
        """Raise Conflict for a token that is altered, expired, another client's, or another version's."""
        return self._open(token, client, SealedState[Snapshot]).snapshot

    def open_lesson(self, token: str, client: str) -> LessonState:
        """As `open`."""
        return self._open(token, client, SealedState[LessonState]).snapshot

    def _open(self, token: str, client: str, kind: type[SealedState[ContentT]]) -> SealedState[ContentT]:
        try:
            text = zlib.decompress(self._fernet.decrypt(token))
        except (InvalidToken, ValueError, zlib.error):
            detail = "it can't be opened: it is not whole, was altered, or was sealed with another key"
            raise Conflict(detail, "state") from None
        try:
            content = kind.model_validate_json(text)
        except ValidationError:
            raise Conflict("the state is of another version of this service", "state") from None
        if content.client != client:
            raise Conflict("it was given to another client", "state")
        if content.expires < self._clock():
            raise Conflict("it has expired; send the whole text", "state")
        return content
