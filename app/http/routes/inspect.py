"""POST /inspect."""

from app.engine.jobs import Inspection, InspectJob
from app.http.dependencies import ClientDep, EngineDep
from app.http.schemas.inspect import InspectedUnit, InspectReply, InspectRequest
from app.http.schemas.models import TokenSpan


async def inspect(body: InspectRequest, engine: EngineDep, client: ClientDep) -> InspectReply:
    """Look inside an LSTM while it reads a text: the gates and the memory of some of its units, token by token.

    The numbers are those of the model's weights as they were trained; where the service answers in int8,
    what it computes with differs from them by rounding. A language model begins, as always, with the end of
    the text before, which is not shown.
    """
    model = engine.registry.for_inspection(body.model, body.text)
    job = InspectJob(body.text, body.layer, body.direction, tuple(body.units or ()), body.top)
    found: Inspection = await client.result(await client.submit(engine, job, model))
    return InspectReply(
        model=model.name,
        layer=found.layer,
        layers=found.layers,
        hidden=found.hidden,
        direction=body.direction,
        directions=list(found.directions),
        tokens=[TokenSpan.model_validate(token) for token in found.tokens],
        change=list(found.change),
        units=[InspectedUnit.model_validate(unit) for unit in found.units],
    )
