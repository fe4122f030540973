"""GET /models, GET /models/{name}, POST /tokenize, /livez and /readyz."""

from typing import Annotated, Any, Literal

from pydantic import Field

from app.http.schemas.base import PromptText, Reply, Request, example
from models.text.tokenizers import END_TEXT

STRING = {"type": "string"}


class ModelSummary(Reply):
    name: str = Field(description="The name by which requests choose the model.")
    kind: str = Field(
        description="language, classifier, translator, captioner, recognizer, speaker, image, ngram or bag."
    )
    languages: list[str] = Field(description="Codes of the languages that it was trained on.")
    parameters: int = Field(description="Number of parameters; of an n-gram and a bag, of the numbers in their tables.")
    size_bytes: int = Field(description="Size of the checkpoint's files.")
    vocabulary: int = Field(description="Number of tokens.")
    labels: list[str] | None = Field(None, description="Of a classifier.")
    directions: list[list[str]] | None = Field(None, description="Of a translator: [source, target].")
    classes: list[list[str]] | None = Field(
        None, description="Of a model that draws: what it draws, each by all its names."
    )
    voices: list[str] | None = Field(None, description="Of a model that speaks.")
    metrics: dict[str, Any] = Field(description="What was measured, as in metrics.json of the checkpoint.")
    version: str = Field(description="SHA-256 of the checkpoint's manifest; the same for the same model.")
    checksum: str = Field(description="SHA-256 of the weights' file.")
    device: str = Field(description="Where it computes, such as cpu or cuda:0.")
    precision: str = Field(description="In which numbers it computes, such as int8 or float16.")
    default_for: list[str] = Field(description="What it answers where a request names no model, such as classify:tr.")


class CurvePoint(Reply):
    """An evaluation during training."""

    step: int = Field(description="Number of training steps before it.")
    train_loss: float | None = Field(description="The mean loss since the evaluation before.")
    scores: dict[str, float | None] = Field(description="Null: a perplexity that no number of JSON holds well.")


class ModelDetail(ModelSummary):
    card: str = Field(description="The model card, Markdown.")
    training: dict[str, Any] = Field(description="The command, settings, data and versions with which it was trained.")
    curve: list[CurvePoint] = Field(description="The learning curve; empty if there is no record.")


class DefaultModel(Reply):
    """The model that answers where a request names none."""

    use: str = Field(
        description="generate (/next-word-probs and /inspect too), classify, translate or describe, with a language; "
        "or transcribe, speak or draw."
    )
    model: str = Field(description="Its name.")
    chosen_by: Literal["setting", "checkpoint", "only", "order"] = Field(
        description="CAROUSEL_DEFAULTS; a mark in config.json; no other that is trained; the first of several."
    )
    others: list[str] = Field(description="Models that could answer too.")


class ModelsReply(Reply):
    models: list[ModelSummary] = Field(description="The models that are served, by name.")
    defaults: list[DefaultModel] = Field(description="Which model answers where a request names none.")
    lessons: bool = Field(False, description="Whether /train is served here; see CAROUSEL_LESSONS.")
    refused: dict[str, str] = Field(description="Checkpoints that are damaged, and why; see CAROUSEL_BAD_CHECKPOINTS.")


class TokenizeRequest(Request):
    """With a text, as it was; with a prompt, as vLLM has it, for lm-evaluation-harness."""

    model_config = example(
        {
            "oneOf": [
                {"properties": {"text": STRING, "model": STRING}, "required": ["text", "model"]},
                {"properties": {"prompt": STRING}, "required": ["prompt"]},
            ],
            "not": {"properties": {"text": STRING, "prompt": STRING}, "required": ["text", "prompt"]},
        },
        text="Once upon a time",
        model="language-en",
    )

    text: PromptText | None = Field(None, min_length=1, description="The text to tokenize, with its spans.")
    prompt: PromptText | None = Field(
        None, description=f"The text whose ids to list. {END_TEXT} at its beginning is the end token."
    )
    model: str | None = Field(
        None,
        max_length=200,
        description="The model whose tokenizer to use; for a prompt, by default, the default language model.",
    )
    add_special_tokens: bool = Field(False, description="With a prompt: whether the ids begin with the end token.")
    return_token_strs: bool = Field(False, description="With a prompt: list the tokens' texts too.")


class DetokenizeRequest(Request):
    model_config = example(tokens=[5, 6, 7], model="language-en")

    tokens: list[Annotated[int, Field(ge=0)]] = Field(description="Ids of tokens.")
    model: str | None = Field(None, max_length=200, description="By default, the default language model.")


class DetokenizeReply(Reply):
    prompt: str = Field(description=f"The text of the ids; the end token is {END_TEXT}.")


class PromptTokens(Reply):
    tokens: list[int] = Field(description="The ids, in order.")
    count: int = Field(description="Number of ids.")
    max_model_len: int = Field(description="The longest prompt that the service takes, in ids.")
    token_strs: list[str] | None = Field(None, description="With return_token_strs: the text of each token.")


class TokenizerInfo(Reply):
    """As vLLM's."""

    tokenizer_class: str = Field(description="The kind of tokenizer.")
    model: str = Field(description="The model whose tokenizer it is.")
    model_max_length: int = Field(description="The longest prompt that the service takes, in ids.")
    vocab_size: int = Field(description="Number of tokens.")
    eos_token: str = Field(END_TEXT, description="The text that stands for the end token.")
    bos_token: None = Field(None, description="There is none: the end token also begins a text.")
    pad_token: None = Field(None, description="There is none.")
    chat_template: None = Field(None, description="There is none: the models do not chat.")


class TokenSpan(Reply):
    id: int = Field(description="Of the token, in the model's vocabulary.")
    text: str = Field(
        description="text[start:end]; a character outside the vocabulary is a token for each byte, each with its span."
    )
    start: int = Field(description="The token's first character in the text.")
    end: int = Field(description="The character after its last.")


class TokenizeReply(Reply):
    tokens: list[TokenSpan] = Field(description="The tokens, in the text's order.")
    count: int = Field(description="Number of tokens.")


class Health(Reply):
    status: Literal["ok"] = Field(description="The service moves, or takes work.")
    models: list[str] | None = Field(None, description="Of /readyz: the models that are served.")
    refused: dict[str, str] | None = Field(None, description="Checkpoints that are damaged and not served, and why.")
