"""POST /inspect."""

from app.http import operations
from app.http.dependencies import ClientDep, EngineDep
from app.http.operations.operation import run
from app.http.schemas.inspect import InspectReply, InspectRequest


async def inspect(body: InspectRequest, engine: EngineDep, client: ClientDep) -> InspectReply:
    """Look inside an LSTM while it reads a text: the gates and the memory of some of its units, token by token.

    The numbers are those of the model's weights as they were trained; where the service answers in int8,
    what it computes with differs from them by rounding. A language model begins, as always, with the end of
    the text before, which is not shown.
    """
    return await run(operations.inspect(body, engine.registry), client, engine)
