"""GET /models, GET /models/{name}, POST /tokenize."""

from fastapi import Response

from app.engine.engine import LONG_TEXT
from app.http import operations
from app.http.contract import TOKENIZE_SHARE
from app.http.dependencies import ClientDep, RegistryDep
from app.http.replies import chunked
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


async def tokenize(body: TokenizeRequest, registry: RegistryDep, client: ClientDep) -> TokenizeReply | Response:
    """Tokenize a text with a model's tokenizer."""
    await client.charge(len(body.text) / TOKENIZE_SHARE)
    tokenizer = registry.get(body.model).tokenizer
    if len(body.text) <= LONG_TEXT:
        return _tokenize(tokenizer, body.text)
    return await chunked(lambda: _tokenize(tokenizer, body.text))


def _tokenize(tokenizer: Tokenizer, text: str) -> TokenizeReply:
    tokens = [TokenSpan.model_validate(token) for token in tokenizer.tokens(text)]
    return TokenizeReply(tokens=tokens, count=len(tokens))
