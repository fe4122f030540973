"""The gates and cells of an LSTM over a text."""

from app.catalog.registry import Registry
from app.engine.jobs import Inspection, InspectJob
from app.http.operations.operation import Operation
from app.http.schemas.inspect import InspectedUnit, InspectReply, InspectRequest
from app.http.schemas.models import TokenSpan


def inspect(body: InspectRequest, registry: Registry) -> Operation[InspectReply]:
    """Raises ModelNotFound or NoModel."""
    served = registry.for_inspection(body.model, body.text)
    job = InspectJob(body.text, body.layer, body.direction, tuple(body.units or ()), body.top, body.find)

    def reply(inspection: Inspection) -> InspectReply:
        return InspectReply(
            model=served.name,
            layer=inspection.layer,
            layers=inspection.layers,
            hidden=inspection.hidden,
            direction=body.direction,
            directions=list(inspection.directions),
            tokens=[TokenSpan.model_validate(token) for token in inspection.tokens],
            change=list(inspection.change),
            units=[InspectedUnit.model_validate(unit) for unit in inspection.units],
        )

    return Operation.of_one_job(job, served, reply)
