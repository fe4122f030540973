"""POST /train."""

import hashlib
import secrets
from typing import Any

from starlette.concurrency import run_in_threadpool

from app.access.state_tokens import StateTokens
from app.errors import Conflict
from app.http.dependencies import ClassroomDep, ClientDep, StateTokensDep
from app.http.schemas.train import TrainedModel, TrainReply, TrainRequest
from app.lessons.messages import Trained, Turn
from app.lessons.state import LessonState

LESSON_S = 30.0
"""How long one training may compute, over all its requests."""
STEP_COST = 5
"""In tokens, of a step: about as long as an RNN of 64 units and such an LSTM take for it."""


async def train(body: TrainRequest, classroom: ClassroomDep, client: ClientDep, tokens: StateTokensDep) -> TrainReply:
    """Train an RNN and an LSTM on a text, some steps on.

    The first request begins; each further one has the same text and the `state` of the reply before. The models
    are small, read characters, and are kept nowhere but in the state. A training has half a minute; one request
    trains at a time, with about a second of computing, and others are refused in the meantime.
    """
    classroom.check()
    await client.charge(STEP_COST * body.steps)
    before = await run_in_threadpool(_begin, body, tokens)
    turn = Turn(body.text, before.seed, body.steps, LESSON_S - before.seconds, before.content)
    trained: Trained = await client.while_here(classroom.train(turn))
    further: dict[str, Any] = {}
    if body.return_state:
        after = LessonState(before.digest, before.seed, before.seconds + trained.seconds, trained.state)
        further["seconds_left"] = max(0.0, LESSON_S - after.seconds)
        if further["seconds_left"]:
            further["state"] = await run_in_threadpool(tokens.seal_lesson, after)
    models = {cell: TrainedModel(losses=trained.losses[cell], sample=trained.samples[cell]) for cell in trained.losses}
    return TrainReply(steps=trained.steps, characters=trained.characters, seed=before.seed, **models, **further)


def _begin(body: TrainRequest, tokens: StateTokens) -> LessonState:
    """The state to train on from. Raises Conflict for one that can't be used, or that is of another text or seed."""
    digest = hashlib.sha256(body.text.encode()).hexdigest()
    if body.state is None:
        return LessonState(digest, secrets.randbelow(2**31) if body.seed is None else body.seed, 0.0, b"")
    state = tokens.open_lesson(body.state)
    if state.digest != digest:
        raise Conflict("it is of another text", "state")
    if body.seed not in (None, state.seed):
        raise Conflict(f"its seed is {state.seed}", "state")
    return state
