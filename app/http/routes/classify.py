"""POST /classify."""

from fastapi import Response

from app.http import operations
from app.http.dependencies import ClientDep, EngineDep
from app.http.replies import answer, prepared
from app.http.schemas.base import as_list
from app.http.schemas.classify import ClassifyReply, ClassifyRequest


async def classify(body: ClassifyRequest, engine: EngineDep, client: ClientDep) -> ClassifyReply | Response:
    """Classify a text, or several, each by the model for its language.

    With `explain`, the contributions of the tokens and the bias sum to the logit of the label: the
    explanation is exact.
    """
    characters = sum(map(len, as_list(body.text)))
    return await answer(await prepared(characters, operations.classify, body, engine.registry), client, engine)
