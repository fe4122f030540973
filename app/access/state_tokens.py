"""The state tokens of one client."""

from app.access.sealing import Sealer
from app.engine.snapshot import Snapshot
from app.lessons.state import LessonState


class StateTokens:
    """Seals and opens the states of the owner of a key; no other client can use them."""

    def __init__(self, sealer: Sealer, key: str) -> None:
        self._sealer, self._key = sealer, key

    def open(self, token: str | None) -> Snapshot | None:
        """The state to continue from; None without a token. Raises Conflict for a token that can't be used."""
        return None if token is None else self._sealer.open(token, self._key)

    def seal(self, snapshot: Snapshot | None) -> dict[str, str]:
        """The field `state` of a reply, if there is a state."""
        return {"state": self._sealer.seal(snapshot, self._key)} if snapshot else {}

    def open_lesson(self, token: str) -> LessonState:
        """The lesson to continue. Raises Conflict for a token that can't be used."""
        return self._sealer.open_lesson(token, self._key)

    def seal_lesson(self, state: LessonState) -> str:
        return self._sealer.seal(state, self._key)
