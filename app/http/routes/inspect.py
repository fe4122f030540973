"""POST /inspect."""

from fastapi import Response

from app.http import operations
from app.http.dependencies import ClientDep, EngineDep
from app.http.replies import answer
from app.http.schemas.inspect import InspectReply, InspectRequest


async def inspect(body: InspectRequest, engine: EngineDep, client: ClientDep) -> InspectReply | Response:
    """Inspect an LSTM over a text: the gates, cells and hidden states of some of its units at each token.

    They are computed with the weights as they were trained; those that answer in int8 differ by rounding. A language
    model reads an end token before the text, which is not shown.
    """
    return await answer(operations.inspect(body, engine.registry), client, engine)
