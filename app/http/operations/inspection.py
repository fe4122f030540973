"""The gates and states of a recurrent layer over a text."""

from app.catalog.registry import Registry
from app.engine.jobs import Inspection, InspectJob, Unit
from app.http.operations.operation import Operation
from app.http.schemas.inspect import InspectedConnectivity, InspectedUnit, InspectReply, InspectRequest
from app.http.schemas.models import TokenSpan


def inspected_unit(unit: Unit) -> InspectedUnit:
    start = {f"start_{name}": value for name, value in unit.start.items()}
    return InspectedUnit(unit=unit.unit, change=unit.change, **unit.series, **start)


def inspect(body: InspectRequest, registry: Registry) -> Operation[InspectReply]:
    """Raises ModelNotFound or NoModel."""
    served = registry.for_inspection(body.model, body.text)
    units = tuple(body.units or ())
    job = InspectJob(body.text, body.layer, body.direction, units, body.top, body.find, body.connectivity)

    def reply(inspection: Inspection) -> InspectReply:
        inspected = InspectReply(
            model=served.name,
            cells=inspection.cells,
            layer=inspection.layer,
            layers=inspection.layers,
            hidden=inspection.hidden,
            direction=body.direction,
            directions=list(inspection.directions),
            tokens=[TokenSpan.model_validate(token) for token in inspection.tokens],
            change=list(inspection.change),
            units=[inspected_unit(unit) for unit in inspection.units],
        )
        if inspection.connectivity is None:
            return inspected
        connectivity = InspectedConnectivity.model_validate(inspection.connectivity)
        return inspected.model_copy(update={"connectivity": connectivity})

    return Operation.of_one_job(job, served, reply)
