"""POST /inspect."""

from fastapi import Response

from app.http import operations
from app.http.dependencies import ClientDep, EngineDep
from app.http.replies import answer
from app.http.schemas.inspect import InspectReply, InspectRequest


async def inspect(body: InspectRequest, engine: EngineDep, client: ClientDep) -> InspectReply | Response:
    """Inspect a recurrent layer over a text: the gates and states of some of its units at each token.

    With `connectivity`, also how strongly the probability of a token depends on each token before it.

    With `marked`, the units that are high at the marked words and low elsewhere.

    They are computed with the weights as they were trained; those that answer in int8 differ by rounding. A language
    model reads an end token before the text, which is not shown.
    """
    return await answer(operations.inspect(body, engine.registry), client, engine)
