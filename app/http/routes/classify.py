"""POST /classify."""

from app.http import operations
from app.http.dependencies import ClientDep, EngineDep
from app.http.operations.operation import run
from app.http.schemas.classify import ClassifyReply, ClassifyRequest


async def classify(body: ClassifyRequest, engine: EngineDep, client: ClientDep) -> ClassifyReply:
    """Classify a text, or several, each by the model for its language.

    With `explain`, the contributions of the tokens and the bias sum to the logit of the label: the
    explanation is exact.
    """
    return await run(operations.classify(body, engine.registry), client, engine)
