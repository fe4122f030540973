"""POST /next-word-probs."""

from app.http import operations
from app.http.dependencies import ClientDep, EngineDep, StateTokensDep
from app.http.operations.operation import run
from app.http.schemas.next_word_probs import NextWordReply, NextWordRequest


async def next_word_probs(
    body: NextWordRequest, engine: EngineDep, client: ClientDep, tokens: StateTokensDep
) -> NextWordReply:
    """What comes next, and how likely it is.

    The listed probabilities and `other` sum to 1. With `return_state`, the reply has the model's memory in
    `state`: as a text grows, only what is new need be sent, and only that is read.
    """
    return await run(operations.next_word_probs(body, engine.registry, tokens), client, engine)
