"""GET /models, GET /models/{name}, POST /tokenize."""

from fastapi import Response
from starlette.concurrency import run_in_threadpool

from app.catalog.registry import Registry, Served
from app.http.contract import TOKENIZE_SHARE
from app.http.dependencies import ClientDep, RegistryDep
from app.http.schemas.models import (
    CurvePoint,
    ModelDetail,
    ModelsReply,
    ModelSummary,
    TokenizeReply,
    TokenizeRequest,
    TokenSpan,
)  # fmt: skip
from models.kinds import kind_of
from models.text.tokenizers import Tokenizer


async def list_models(registry: RegistryDep, _: ClientDep) -> ModelsReply:
    """All models that are served."""
    return ModelsReply(models=[_summary(registry, served) for served in registry.models.values()])


async def show_model(name: str, registry: RegistryDep, _: ClientDep) -> ModelDetail:
    """One model, with its card and how it was trained."""
    served = registry.get(name)
    summary = _summary(registry, served).model_dump(exclude_unset=True)
    loaded = served.checkpoint
    curve = [CurvePoint.model_validate(entry) for entry in loaded.log]
    return ModelDetail(**summary, card=loaded.card, training=dict(loaded.training), curve=curve)


async def tokenize(body: TokenizeRequest, registry: RegistryDep, client: ClientDep) -> Response:
    """Cut a text into a model's tokens."""
    await client.charge(len(body.text) / TOKENIZE_SHARE)
    return await run_in_threadpool(_tokenize, registry.get(body.model).tokenizer, body.text)


def _tokenize(tokenizer: Tokenizer, text: str) -> Response:
    tokens = [TokenSpan.model_validate(token) for token in tokenizer.tokens(text)]
    reply = TokenizeReply(tokens=tokens, count=len(tokens))
    return Response(reply.model_dump_json(), media_type="application/json")


def _summary(registry: Registry, served: Served) -> ModelSummary:
    loaded = served.checkpoint
    shown = {name: getattr(loaded.model.config, name) for name in kind_of(loaded.model).shown}
    return ModelSummary(
        name=loaded.name,
        kind=loaded.kind,
        languages=list(loaded.languages),
        parameters=sum(tensor.numel() for tensor in loaded.model.state_dict().values()),
        size_bytes=loaded.size_bytes,
        vocabulary=loaded.tokenizer.size,
        metrics=dict(loaded.metrics),
        version=loaded.version,
        checksum=loaded.checksum,
        device=str(registry.device),
        precision=served.runtime.precision,
        **shown,
    )
