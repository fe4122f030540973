"""Classification."""

from collections.abc import Sequence
from typing import Any

from app.catalog.registry import Registry
from app.engine.jobs import ClassifyJob, Verdict
from app.http.operations.batches import Batches
from app.http.operations.operation import Operation
from app.http.schemas.base import as_list
from app.http.schemas.classify import ClassifyReply, ClassifyRequest, ClassifyResult, TokenContribution


def classify(body: ClassifyRequest, registry: Registry) -> Operation[ClassifyReply]:
    """Raises ModelNotFound or NoModel."""
    models = registry.for_texts("classifier", body.model, body.text, body.language)
    batches = Batches(as_list(body.text), models)
    several = len(batches.indices) > 1

    def reply(results: Sequence[Sequence[Verdict]]) -> ClassifyReply:
        pairs = zip(models, batches.in_order(results), strict=True)
        return ClassifyReply(
            model=models[0].name,
            results=[_result(verdict, body.explain, served.name if several else None) for served, verdict in pairs],
        )

    return Operation(batches.jobs(lambda texts, served: (ClassifyJob(texts, body.explain), served)), reply)


def _result(verdict: Verdict, explain: bool, model: str | None) -> ClassifyResult:
    """model is that of the text, where the texts have several."""
    fields: dict[str, Any] = {
        "label": verdict.label,
        "score": verdict.scores[verdict.label],
        "scores": verdict.scores,
    }
    if model is not None:
        fields["model"] = model
    if explain:
        fields["explanation"] = [TokenContribution.model_validate(part) for part in verdict.explanation]
        fields |= {"bias": verdict.bias, "logit": verdict.logit}
    return ClassifyResult.model_validate(fields)
