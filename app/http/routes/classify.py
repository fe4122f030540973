"""POST /classify."""

from app.engine.jobs import ClassifyJob, Verdict
from app.http.dependencies import ClientDep, EngineDep
from app.http.schemas.base import as_list
from app.http.schemas.classify import (
    ClassifyReply,
    ClassifyRequest,
    ClassifyResult,
    TokenContribution,
)  # fmt: skip


async def classify(body: ClassifyRequest, engine: EngineDep, client: ClientDep) -> ClassifyReply:
    """Judge a text, or several of one language.

    With `explain`, the contributions of the tokens and the bias sum to the logit of the label: the
    explanation is exact.
    """
    texts = as_list(body.text)
    model = engine.registry.for_text("classifier", body.model, " ".join(texts))
    ticket = await client.submit(engine, ClassifyJob(tuple(texts), body.explain), model)
    verdicts = await client.result(ticket)
    return ClassifyReply(model=model.name, results=[_result(verdict, body.explain) for verdict in verdicts])


def _result(verdict: Verdict, explain: bool) -> ClassifyResult:
    made = {"label": verdict.label, "score": verdict.scores[verdict.label], "scores": verdict.scores}
    if explain:
        made["explanation"] = [TokenContribution.model_validate(part) for part in verdict.explanation]
        made |= {"bias": verdict.bias, "logit": verdict.logit}
    return ClassifyResult.model_validate(made)
