"""The gates and states of a recurrent layer over a text."""

from typing import Any

from app.catalog.registry import Registry
from app.engine.jobs import Inspection, InspectJob, Unit
from app.errors import InvalidRequest
from app.http.operations.operation import Operation
from app.http.schemas.inspect import InspectedConnectivity, InspectedUnit, InspectReply, InspectRequest
from app.http.schemas.models import TokenSpan


def inspected_unit(unit: Unit) -> InspectedUnit:
    start = {f"start_{name}": value for name, value in unit.start.items()}
    score = {} if unit.score is None else {"score": unit.score}
    return InspectedUnit(unit=unit.unit, change=unit.change, **score, **unit.series, **start)


def inspect(body: InspectRequest, registry: Registry) -> Operation[InspectReply]:
    """Raises ModelNotFound, NoModel or InvalidRequest."""
    marked = _spans(body)
    served = registry.for_inspection(body.model, body.text)
    units = tuple(body.units or ())
    job = InspectJob(body.text, body.layer, body.direction, units, body.top, body.find, body.connectivity, marked)

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
        further: dict[str, Any] = {}  # a reply has only the fields that are set
        if inspection.connectivity is not None:
            further["connectivity"] = InspectedConnectivity.model_validate(inspection.connectivity)
        if inspection.marked:
            further["marked"] = list(inspection.marked)
        return inspected.model_copy(update=further)

    return Operation.of_one_job(job, served, reply)


def _spans(body: InspectRequest) -> tuple[tuple[int, int], ...]:
    """The marked spans. Raises InvalidRequest for one that is empty or not in the text."""
    for index, span in enumerate(body.marked or ()):
        if not span.start < span.end <= len(body.text):
            detail = f"a span is a start, and a larger end, in the text's {len(body.text)} characters"
            raise InvalidRequest(f"{detail}; given: {span.start} to {span.end}", f"marked/{index}")
    return tuple((span.start, span.end) for span in body.marked or ())
