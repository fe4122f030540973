"""Classification."""

from collections.abc import Sequence
from typing import Any

from app.catalog.registry import Registry
from app.engine.jobs import ClassifyJob, Verdict
from app.http.operations.operation import Operation
from app.http.schemas.base import as_list
from app.http.schemas.classify import ClassifyReply, ClassifyRequest, ClassifyResult, TokenContribution


def classify(body: ClassifyRequest, registry: Registry) -> Operation[ClassifyReply]:
    """Raises ModelNotFound or NoModel."""
    texts = as_list(body.text)
    served = registry.for_text("classifier", body.model, " ".join(texts))

    def reply(verdicts: Sequence[Verdict]) -> ClassifyReply:
        return ClassifyReply(model=served.name, results=[_result(verdict, body.explain) for verdict in verdicts])

    return Operation(ClassifyJob(tuple(texts), body.explain), served, reply)


def _result(verdict: Verdict, explain: bool) -> ClassifyResult:
    fields: dict[str, Any] = {
        "label": verdict.label,
        "score": verdict.scores[verdict.label],
        "scores": verdict.scores,
    }
    if explain:
        fields["explanation"] = [TokenContribution.model_validate(part) for part in verdict.explanation]
        fields |= {"bias": verdict.bias, "logit": verdict.logit}
    return ClassifyResult.model_validate(fields)
