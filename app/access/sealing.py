"""A model's memory as an opaque text for a client to keep: authenticated encryption around a snapshot."""

import json
import time
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app.engine.snapshot import Drawing, Snapshot
from app.errors import Conflict


class Sealer:
    """Seals with the first key, and opens with any: so keys are rotated without a break.

    A token is Fernet's (AES-128-CBC and HMAC-SHA256) of compressed JSON. Who has no key can neither read nor
    change what is in it; every service with the same keys and models can go on from it.
    """

    def __init__(self, keys: Sequence[str], lifetime_s: float, clock: Callable[[], float] = time.time) -> None:
        """Without keys, one is made up: what it seals can't be opened after a restart, or by another process."""
        self._fernet = MultiFernet([Fernet(key) for key in keys or [Fernet.generate_key().decode()]])
        self._lifetime_s, self._clock = lifetime_s, clock

    def seal(self, snapshot: Snapshot, client: str) -> str:
        """A token that only this client can use, for as long as it lives."""
        content = {"snapshot": asdict(snapshot), "client": client, "expires": self._clock() + self._lifetime_s}
        text = json.dumps(content, default=_as_text)
        return self._fernet.encrypt(zlib.compress(text.encode(), 1)).decode()

    def open(self, token: str, client: str) -> Snapshot:
        """Raise Conflict for a token that is altered, expired or another client's."""
        try:
            content: dict[str, Any] = json.loads(zlib.decompress(self._fernet.decrypt(token)))
        except (InvalidToken, ValueError):
            detail = "it can't be opened: it is not whole, was altered, or was sealed with another key"
            raise Conflict(detail, "state") from None
        if content["client"] != client:
            raise Conflict("it was given to another client", "state")
        if content["expires"] < self._clock():
            raise Conflict("it has expired; send the whole text", "state")
        return _snapshot(content["snapshot"])


def _as_text(content: bytes) -> str:
    return b64encode(content).decode()


def _snapshot(fields: dict[str, Any]) -> Snapshot:
    """The inverse of asdict and _as_text."""
    drawing = fields["drawing"] and Drawing(**fields["drawing"])
    if drawing:
        drawing = replace(drawing, undecoded=b64decode(drawing.undecoded))
    snapshot = Snapshot(**fields | {"ids": tuple(fields["ids"]), "drawing": drawing})
    return replace(snapshot, state=b64decode(snapshot.state), seen=b64decode(snapshot.seen))
