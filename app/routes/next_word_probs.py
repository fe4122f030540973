"""POST /next-word-probs."""

import math

from fastapi import APIRouter

from app.dependencies import ClientDep, EngineDep
from app.engine.jobs import Prediction, PredictJob
from app.routes.shape import PROBLEMS, with_body
from app.schemas.next_word_probs import NextWord, NextWordReply, NextWordRequest, next_word_request
from app.settings import Settings


def router(settings: Settings) -> APIRouter:
    routes = APIRouter(tags=["text"])
    routes.add_api_route(
        "/next-word-probs",
        with_body(next_word_probs, next_word_request(settings)),
        methods=["POST"],
        summary="What comes next, and how likely it is",
        response_model=NextWordReply,
        responses=PROBLEMS,
    )
    return routes


async def next_word_probs(body: NextWordRequest, engine: EngineDep, client: ClientDep) -> NextWordReply:
    """What comes next, and how likely it is.

    The listed probabilities and `other` sum to 1.
    """
    model = engine.registry.for_text("language", body.model, body.text, "/text")
    job = PredictJob(
        model=model.name,
        text=body.text,
        top=body.top,
        unit=body.unit,
        partial=body.partial,
        candidates=tuple(body.candidates or ()),
    )
    result: Prediction = await client.result(await engine.submit(job, client.caller))
    words = [
        NextWord(word=word, probability=probability, logprob=math.log(probability) if probability else None)
        for word, probability in result.next
    ]
    return NextWordReply(model=model.name, unit=body.unit, next=words, other=result.other)
