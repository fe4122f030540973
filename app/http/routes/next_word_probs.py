"""POST /next-word-probs."""

from app.http import operations
from app.http.dependencies import ClientDep, EngineDep, StateTokensDep
from app.http.operations.operation import run
from app.http.schemas.next_word_probs import NextWordReply, NextWordRequest


async def next_word_probs(
    body: NextWordRequest, engine: EngineDep, client: ClientDep, tokens: StateTokensDep
) -> NextWordReply:
    """The next word or token, with probabilities.

    The listed probabilities and `other` sum to 1. With `return_state`, the reply has the model's state in
    `state`: as a text grows, only the new part needs to be sent, and only that part is read.
    """
    return await run(operations.next_word_probs(body, engine.registry, tokens), client, engine)
