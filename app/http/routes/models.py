"""GET /models, GET /models/{name}, POST /tokenize and /detokenize, GET /tokenizer_info."""

from fastapi import Response

from app.engine.engine import LONG_TEXT
from app.http import operations
from app.http.contract import TOKENIZE_SHARE
from app.http.dependencies import ClassroomDep, ClientDep, ModelName, RegistryDep, SettingsDep
from app.http.replies import chunked
from app.http.schemas.models import (
    DetokenizeReply,
    DetokenizeRequest,
    ModelDetail,
    ModelsReply,
    PromptTokens,
    TokenizeReply,
    TokenizeRequest,
    TokenizerInfo,
)  # fmt: skip


async def list_models(registry: RegistryDep, classroom: ClassroomDep, _: ClientDep) -> ModelsReply:
    """All served models."""
    reply = operations.list_models(registry)
    return reply if classroom.refusal else reply.model_copy(update={"lessons": True})


async def show_model(name: ModelName, registry: RegistryDep, _: ClientDep) -> ModelDetail:
    """One model, with its card and how it was trained."""
    return operations.show_model(registry, name)


async def tokenize(
    body: TokenizeRequest, registry: RegistryDep, client: ClientDep, settings: SettingsDep
) -> TokenizeReply | PromptTokens | Response:
    """Tokenize a text with a model's tokenizer; or, as vLLM does, a prompt into ids."""
    operations.check_tokenize(body)
    text = body.text or body.prompt or ""
    await client.charge(len(text) / TOKENIZE_SHARE)
    if len(text) <= LONG_TEXT:
        return operations.tokenize(body, registry, settings.max_prompt_characters)
    return await chunked(lambda: operations.tokenize(body, registry, settings.max_prompt_characters))


async def detokenize(body: DetokenizeRequest, registry: RegistryDep, client: ClientDep) -> DetokenizeReply:
    """The text of ids, as vLLM has it."""
    await client.charge(len(body.tokens) / TOKENIZE_SHARE)
    return operations.detokenize(body, registry)


async def tokenizer_info(registry: RegistryDep, _: ClientDep, settings: SettingsDep) -> TokenizerInfo:
    """What lm-evaluation-harness asks first, as vLLM has it, of the default language model."""
    return operations.tokenizer_info(registry, None, settings.max_prompt_characters)
