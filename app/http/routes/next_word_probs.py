"""POST /next-word-probs."""

import math

from app.engine.jobs import Prediction, PredictJob
from app.http.dependencies import ClientDep, EngineDep, MemoriesDep
from app.http.schemas.next_word_probs import NextWord, NextWordReply, NextWordRequest


async def next_word_probs(
    body: NextWordRequest, engine: EngineDep, client: ClientDep, memories: MemoriesDep
) -> NextWordReply:
    """What comes next, and how likely it is.

    The listed probabilities and `other` sum to 1. With `return_state`, the reply has the model's memory in
    `state`: as a text grows, only what is new need be sent, and only that is read.
    """
    snapshot = memories.open(body.state, body.text, "text")
    model = engine.registry.for_prompt(body.model, body.text, snapshot.model if snapshot else None)
    job = PredictJob(
        text=body.text,
        top=body.top,
        unit=body.unit,
        partial=body.partial,
        candidates=tuple(body.candidates or ()),
        temperature=body.temperature,
        snapshot=snapshot,
        return_snapshot=body.return_state,
    )
    result: Prediction = await client.result(await client.submit(engine, job, model))
    words = [
        NextWord(word=word, probability=probability, logprob=math.log(probability) if probability else None)
        for word, probability in result.next
    ]
    return NextWordReply(
        model=model.name, unit=body.unit, next=words, other=result.other, **memories.seal(result.snapshot)
    )
