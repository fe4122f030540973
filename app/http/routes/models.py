"""GET /models, GET /models/{name}, POST /tokenize."""

from fastapi import Response
from starlette.concurrency import run_in_threadpool

from app.http import operations
from app.http.contract import TOKENIZE_SHARE
from app.http.dependencies import ClientDep, RegistryDep
from app.http.schemas.models import (
    ModelDetail,
    ModelsReply,
    TokenizeReply,
    TokenizeRequest,
    TokenSpan,
)  # fmt: skip
from models.text.tokenizers import Tokenizer


async def list_models(registry: RegistryDep, _: ClientDep) -> ModelsReply:
    """All served models."""
    return operations.list_models(registry)


async def show_model(name: str, registry: RegistryDep, _: ClientDep) -> ModelDetail:
    """One model, with its card and how it was trained."""
    return operations.show_model(registry, name)


async def tokenize(body: TokenizeRequest, registry: RegistryDep, client: ClientDep) -> Response:
    """Tokenize a text with a model's tokenizer."""
    await client.charge(len(body.text) / TOKENIZE_SHARE)
    return await run_in_threadpool(_tokenize, registry.get(body.model).tokenizer, body.text)


def _tokenize(tokenizer: Tokenizer, text: str) -> Response:
    tokens = [TokenSpan.model_validate(token) for token in tokenizer.tokens(text)]
    reply = TokenizeReply(tokens=tokens, count=len(tokens))
    return Response(reply.model_dump_json(), media_type="application/json")
