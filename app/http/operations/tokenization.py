"""Texts as ids and back: with the spans of tokens, or as vLLM's API has them, for lm-evaluation-harness."""

from app.catalog.registry import Registry, Served
from app.errors import InvalidRequest
from app.http.schemas.models import (
    DetokenizeReply,
    DetokenizeRequest,
    PromptTokens,
    TokenizeReply,
    TokenizeRequest,
    TokenizerInfo,
    TokenSpan,
)  # fmt: skip
from models.text.tokenizers.names import piece_name, prompt_ids, prompt_of_ids


def check_tokenize(body: TokenizeRequest) -> None:
    """Raise InvalidRequest unless a request has a text and a model, or a prompt."""
    if body.prompt is not None and body.text is not None:
        raise InvalidRequest("it goes without a text", "prompt")
    if body.prompt is None:
        for name in ("text", "model"):
            if getattr(body, name) is None:
                raise InvalidRequest("it is required, unless there is a prompt", name)


def tokenize(body: TokenizeRequest, registry: Registry, max_ids: int) -> TokenizeReply | PromptTokens:
    """max_ids is the longest prompt that the service takes. Raises ModelNotFound or NoModel."""
    tokenizer = _served(registry, body.model).tokenizer
    if body.prompt is None:
        tokens = [TokenSpan.model_validate(token) for token in tokenizer.tokens(body.text or "")]
        return TokenizeReply(tokens=tokens, count=len(tokens))
    ids = list(prompt_ids(tokenizer, body.prompt))
    if body.add_special_tokens and ids[:1] != [tokenizer.end_id]:
        ids.insert(0, tokenizer.end_id)
    names = {"token_strs": [piece_name(tokenizer, token) for token in ids]} if body.return_token_strs else {}
    return PromptTokens(tokens=ids, count=len(ids), max_model_len=max_ids, **names)


def detokenize(body: DetokenizeRequest, registry: Registry) -> DetokenizeReply:
    """Raises InvalidRequest for an id outside the vocabulary, ModelNotFound or NoModel."""
    tokenizer = _served(registry, body.model).tokenizer
    for index, token in enumerate(body.tokens):
        if token >= tokenizer.size:
            detail = f"it is outside the vocabulary: ids are from 0 to {tokenizer.size - 1}"
            raise InvalidRequest(detail, f"tokens/{index}")
    return DetokenizeReply(prompt=prompt_of_ids(tokenizer, body.tokens))


def tokenizer_info(registry: Registry, model: str | None, max_ids: int) -> TokenizerInfo:
    """Raises ModelNotFound or NoModel."""
    served = _served(registry, model)
    return TokenizerInfo(
        tokenizer_class=type(served.tokenizer).__name__,
        model=served.name,
        model_max_length=max_ids,
        vocab_size=served.tokenizer.size,
    )


def _served(registry: Registry, model: str | None) -> Served:
    """The named model, or a language model that is the default of a language, the first by name."""
    if model:
        return registry.get(model)
    models = registry.for_task("language", None)
    return next((served for served in models if registry.default_uses(served)), models[0])
