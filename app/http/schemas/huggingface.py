"""Requests and replies of Hugging Face's inference API and of text-generation-inference."""

from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from app.http.schemas.base import ARRAY, MAX_SEED_64, TRUE, Reply, Text, TextOrTexts, never
from app.http.schemas.lax import Content, LaxRequest
from app.http.schemas.speak import FASTEST, SLOWEST


class Inference(LaxRequest):
    """A request to any model; its parameters are those of the model's task."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [{"inputs": "Once upon a time", "parameters": {"max_new_tokens": 20}}],
            **never(stream=TRUE, inputs=ARRAY),
        },
    )

    inputs: TextOrTexts = Field(description="A text, or several.")
    parameters: dict[str, Any] = Field({}, description="Those of the model's task; others are refused with 422.")
    stream: bool = Field(False, description="Of a language model, one text: reply with Server-Sent Events.")

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.stream and isinstance(self.inputs, list):
            raise ValueError("several inputs can't be streamed")
        return self


class GenerationParameters(LaxRequest):
    max_new_tokens: int = Field(20, ge=1, description="Maximum number of tokens to generate.")
    do_sample: bool = Field(
        False, description="Sample; else, without any of the settings of sampling, take the likeliest tokens."
    )
    temperature: float | None = Field(None, gt=0, le=10, description="Higher: more surprising.")
    top_k: int | None = Field(None, ge=1, description="Sample from the k likeliest tokens.")
    top_p: float | None = Field(
        None, gt=0, le=1, description="Sample from the likeliest tokens whose probabilities sum to p."
    )
    repetition_penalty: float = Field(
        1.0, gt=0, le=10, description="Above 1: tokens that are in the text already become less likely."
    )
    frequency_penalty: float = Field(
        0.0, ge=-2, le=2, description="Above 0: the more often a token is in the text, the less likely it becomes."
    )
    seed: int | None = Field(None, ge=0, le=MAX_SEED_64, description="The same seed gives the same text.")
    stop: list[Content] = Field([], max_length=16, description="End the text before any of these strings.")
    stop_sequences: list[Content] = Field([], max_length=16, description="As `stop`.")
    best_of: int = Field(1, ge=1, description="Generate this many texts, and return the likeliest.")
    top_n_tokens: int = Field(
        0, ge=0, le=20, description="With details: the number of likeliest tokens to list at each place."
    )
    truncate: int | None = Field(None, ge=1, description="How many of the last tokens of the text to read.")
    details: bool = Field(False, description="Return the tokens with their log-probabilities, and why the text ended.")
    decoder_input_details: bool = Field(False, description="Return the tokens of the prompt too.")
    return_full_text: bool = Field(False, description="Return the prompt before the generated text.")
    typical_p: float = Field(
        1.0, gt=0, le=1, description="Sample from the tokens that are about as surprising as expected, and sum to this."
    )
    watermark: Literal[False] = Field(False, description="Not supported.")
    grammar: Literal[None] = Field(None, description="Not supported.")
    adapter_id: Literal[None] = Field(None, description="Not supported.")

    @property
    def samples(self) -> bool:
        filters = (self.temperature, self.top_k, self.top_p)
        return self.do_sample or self.typical_p < 1 or any(value is not None for value in filters)


class ClassificationParameters(LaxRequest):
    top_k: int | None = Field(None, ge=1, description="Number of labels to return; by default, all.")
    function_to_apply: Literal["softmax"] = Field("softmax", description="What makes scores of logits.")


class TranslationParameters(LaxRequest):
    src_lang: str = Field("auto", max_length=16, description="The text's language, or auto.")
    tgt_lang: str | None = Field(
        None, max_length=16, description="The target language; by default, the only one there is."
    )
    clean_up_tokenization_spaces: bool | None = Field(None, description="Ignored: there are none to clean up.")
    truncation: str | None = Field(None, max_length=32, description="Ignored: texts are translated whole.")
    generate_parameters: dict[str, Any] = Field({}, description="Ignored: a translation is as long as it needs.")


class SummaryParameters(LaxRequest):
    max_new_tokens: int = Field(60, ge=1, description="Maximum number of tokens of a summary.")


class SummarizationParameters(LaxRequest):
    max_new_tokens: int = Field(60, ge=1, description="Maximum number of tokens of a summary.")
    clean_up_tokenization_spaces: bool | None = Field(None, description="Ignored: there are none to clean up.")
    truncation: str | None = Field(None, max_length=32, description="A long text's beginning is read, whatever it is.")
    generate_parameters: SummaryParameters = Field(
        SummaryParameters(), description="Where the client puts `max_new_tokens`."
    )


class DrawingParameters(LaxRequest):
    """What only a diffusion model could follow (num_inference_steps, scheduler) is ignored."""

    seed: int | None = Field(None, ge=0, le=MAX_SEED_64, description="The same seed gives the same image.")
    width: int | None = Field(None, ge=1, description="The model's, or a whole multiple of it.")
    height: int | None = Field(None, ge=1, description="The model's, or the same multiple of it.")
    negative_prompt: Literal[None] = Field(None, description="Not supported.")
    num_inference_steps: Any = Field(None, description="Ignored.")
    guidance_scale: float | None = Field(None, ge=0, le=11, description="1 is none: `guidance` of /draw, and 1.")
    scheduler: Any = Field(None, description="Ignored.")


class SpeakingParameters(LaxRequest):
    """What only a model that samples tokens of sound could follow (do_sample, top_k, num_beams) is ignored."""

    voice: str | None = Field(None, max_length=200, description="Not in Hugging Face's API: as `voice` of /speak.")
    speed: float = Field(1.0, ge=SLOWEST, le=FASTEST, description="Likewise.")
    seed: int | None = Field(None, ge=0, le=MAX_SEED_64, description="Likewise.")


SAMPLING = (
    "do_sample", "early_stopping", "epsilon_cutoff", "eta_cutoff", "max_length", "max_new_tokens", "min_length",
    "min_new_tokens", "num_beam_groups", "num_beams", "penalty_alpha", "temperature", "top_k", "top_p", "typical_p",
    "use_cache",
)  # fmt: skip
"""Parameters of text_to_speech in Hugging Face's client."""
PARAMETERS = {
    "language": set(GenerationParameters.model_fields),
    "classifier": set(ClassificationParameters.model_fields),
    "translator": set(TranslationParameters.model_fields),
    "summarizer": set(SummarizationParameters.model_fields),
    "image": set(DrawingParameters.model_fields),
    "speaker": {*SpeakingParameters.model_fields, *SAMPLING, "generation_parameters"},
}
"""The parameters of each task of a model."""
OTHER_TASKS = {
    "zero_shot_classification": {"candidate_labels", "hypothesis_template", "multi_label"},
    "token_classification": {"aggregation_strategy", "ignore_labels", "stride"},
    "fill_mask": {"targets"},
    "question_answering": {
        "align_to_words", "doc_stride", "handle_impossible_answer", "max_answer_len", "max_question_len", "max_seq_len",
    },
    "table_question_answering": {"padding", "sequential"},
    "feature_extraction": {"normalize", "prompt_name", "truncation_direction"},
}  # fmt: skip
"""Tasks on texts that no model here has, with parameters that Hugging Face's client sends for them alone."""
OF_OTHER_TASKS = set[str]().union(*OTHER_TASKS.values())
ALL_PARAMETERS = OF_OTHER_TASKS.union(*PARAMETERS.values())


class GenerationInputs(LaxRequest):
    """A request to a language model."""

    inputs: TextOrTexts = Field(description="A text to continue, or several.")
    parameters: GenerationParameters = Field(GenerationParameters(), description="How to generate.")


class ClassificationInputs(LaxRequest):
    """A request to a classifier."""

    inputs: TextOrTexts = Field(description="A text, or several.")
    parameters: ClassificationParameters = Field(ClassificationParameters(), description="What to return.")


class TranslationInputs(LaxRequest):
    """A request to a translator."""

    inputs: TextOrTexts = Field(description="A text, or several.")
    parameters: TranslationParameters = Field(TranslationParameters(), description="The languages.")


class SummarizationInputs(LaxRequest):
    """A request to a summarizer."""

    inputs: TextOrTexts = Field(description="A text, or several.")
    parameters: SummarizationParameters = Field(SummarizationParameters(), description="The length of the summary.")


class SpeakingInputs(LaxRequest):
    """A request to a model that speaks."""

    inputs: Text = Field(description="Words that the model knows.")
    parameters: SpeakingParameters = Field(SpeakingParameters(), description="The voice and the speed.")


class DrawingInputs(LaxRequest):
    """A request to a model that draws."""

    inputs: Content = Field(description="Names what to draw.")
    parameters: DrawingParameters = Field(DrawingParameters(), description="The size and the seed.")


class Token(Reply):
    id: int = Field(description="Of the token, in the model's vocabulary.")
    text: str = Field(description="The token's text, with the space before it.")
    logprob: float | None = Field(
        description="Natural logarithm of its probability; null of the first token of a prompt."
    )
    special: bool = Field(description="Whether it stands for no text, as the end token does.")


class Sequence(Reply):
    """One of best_of."""

    generated_text: str = Field(description="Its text.")
    finish_reason: str = Field(description="As that of `details`.")
    generated_tokens: int = Field(description="Number of its tokens.")
    seed: int = Field(description="That of its random numbers.")
    tokens: list[Token] = Field(description="Its tokens.")
    prefill: list[Token] = Field([], description="With decoder_input_details: the tokens of the prompt.")


class Details(Reply):
    finish_reason: Literal["length", "eos_token", "stop_sequence"] = Field(
        description="Why the text ended: max_new_tokens, the end token, or a string of `stop`."
    )
    generated_tokens: int = Field(description="Number of generated tokens.")
    seed: int = Field(description="With it, the same request gives the same text again.")
    prefill: list[Token] = Field([], description="With decoder_input_details: the tokens of the prompt.")
    tokens: list[Token] = Field([], description="The generated tokens.")
    top_tokens: list[list[Token]] | None = Field(
        None, description="With top_n_tokens: the likeliest tokens at each place."
    )
    best_of_sequences: list[Sequence] | None = Field(None, description="With best_of: the other texts.")


class GeneratedText(Reply):
    generated_text: str = Field(description="What follows the prompt.")
    details: Details | None = Field(None, description="With details: tokens, and why the text ended.")


class StreamDetails(Reply):
    finish_reason: Literal["length", "eos_token", "stop_sequence"] = Field(
        description="As that of `details` in a plain reply."
    )
    generated_tokens: int = Field(description="Number of generated tokens.")
    input_length: int = Field(description="Number of tokens of the prompt.")
    seed: int = Field(description="With it, the same request gives the same text again.")


class StreamedToken(Reply):
    index: int = Field(description="Of the token, from 1.")
    token: Token = Field(description="The token.")
    top_tokens: list[Token] | None = Field(None, description="With top_n_tokens: the likeliest tokens at this place.")
    generated_text: str | None = Field(None, description="The whole text, beside the last token.")
    details: StreamDetails | None = Field(None, description="Beside the last token: why the text ended.")


class Label(Reply):
    label: str = Field(description="The label's name.")
    score: float = Field(description="Its probability.")


class TranslatedText(Reply):
    translation_text: str = Field(description="The translation.")


class SpokenText(Reply):
    text: str = Field(description="The words that were spoken.")


class SummaryText(Reply):
    summary_text: str = Field(description="The summary.")


class InferenceError(Reply):
    error: str = Field(description="What is wrong, with the field and its limit.")
    error_type: str = Field(description="Such as validation, not_found or overloaded.")
