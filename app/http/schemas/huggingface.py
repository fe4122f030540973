"""Requests and replies of Hugging Face's inference API and of text-generation-inference."""

from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from app.http.schemas.base import ARRAY, MAX_SEED, TRUE, Reply, Text, TextOrTexts, never
from app.http.schemas.lax import Content, LaxRequest
from app.http.schemas.speak import FASTEST, SLOWEST


class Inference(LaxRequest):
    """A request to any model; its parameters are those of the model's task."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"inputs": "Once upon a time", "parameters": {"max_new_tokens": 20}}],
            **never(stream=TRUE, inputs=ARRAY),
        }
    )

    inputs: TextOrTexts = Field(description="A text, or several.")
    parameters: dict[str, Any] = Field({})
    stream: bool = Field(False, description="Of a language model, one text: reply with Server-Sent Events.")

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.stream and isinstance(self.inputs, list):
            raise ValueError("several inputs can't be streamed")
        return self


class GenerationParameters(LaxRequest):
    max_new_tokens: int = Field(20, ge=1)
    do_sample: bool = False
    temperature: float | None = Field(None, gt=0, le=10)
    top_k: int | None = Field(None, ge=1)
    top_p: float | None = Field(None, gt=0, le=1)
    repetition_penalty: float = Field(1.0, gt=0, le=10)
    frequency_penalty: float = Field(0.0, ge=-2, le=2)
    seed: int | None = Field(None, ge=0, le=MAX_SEED)
    stop: list[Content] = Field([], max_length=16)
    stop_sequences: list[Content] = Field([], max_length=16)
    best_of: int = Field(1, ge=1)
    top_n_tokens: int = Field(0, ge=0, le=20)
    truncate: int | None = Field(None, ge=1, description="How many of the last tokens of the text to read.")
    details: bool = False
    decoder_input_details: bool = False
    return_full_text: bool = False
    typical_p: float = Field(1.0, gt=0, le=1)
    watermark: Literal[False] = False
    grammar: Literal[None] = None
    adapter_id: Literal[None] = None

    @property
    def samples(self) -> bool:
        filters = (self.temperature, self.top_k, self.top_p)
        return self.do_sample or self.typical_p < 1 or any(value is not None for value in filters)


class ClassificationParameters(LaxRequest):
    top_k: int | None = Field(None, ge=1)
    function_to_apply: Literal["softmax"] = "softmax"


class TranslationParameters(LaxRequest):
    src_lang: str = Field("auto", max_length=16)
    tgt_lang: str | None = Field(None, max_length=16)


class SummaryParameters(LaxRequest):
    max_new_tokens: int = Field(60, ge=1)


class SummarizationParameters(LaxRequest):
    max_new_tokens: int = Field(60, ge=1)
    clean_up_tokenization_spaces: bool | None = None
    truncation: str | None = Field(None, max_length=16, description="A long text's beginning is read, whatever it is.")
    generate_parameters: SummaryParameters = SummaryParameters()


class DrawingParameters(LaxRequest):
    """What only a diffusion model could follow (num_inference_steps, scheduler) is ignored."""

    seed: int | None = Field(None, ge=0, le=MAX_SEED)
    width: int | None = Field(None, ge=1, description="The model's, or a whole multiple of it.")
    height: int | None = Field(None, ge=1, description="The model's, or the same multiple of it.")
    negative_prompt: Literal[None] = None
    num_inference_steps: Any = None
    guidance_scale: float | None = Field(None, ge=0, le=11, description="1 is none: `guidance` of /draw, and 1.")
    scheduler: Any = None


class SpeakingParameters(LaxRequest):
    """What only a model that samples tokens of sound could follow (do_sample, top_k, num_beams) is ignored."""

    voice: str | None = Field(None, max_length=200, description="Not in Hugging Face's API: as `voice` of /speak.")
    speed: float = Field(1.0, ge=SLOWEST, le=FASTEST, description="Likewise.")
    seed: int | None = Field(None, ge=0, le=MAX_SEED, description="Likewise.")


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
    "speaker": {*SpeakingParameters.model_fields, *SAMPLING},
}
"""The parameters of each task of a model."""
ZERO_SHOT = {"candidate_labels", "hypothesis_template", "multi_label"}
ALL_PARAMETERS = set[str]().union(*PARAMETERS.values(), ZERO_SHOT)


class GenerationInputs(LaxRequest):
    """A request to a language model."""

    inputs: TextOrTexts
    parameters: GenerationParameters = GenerationParameters()


class ClassificationInputs(LaxRequest):
    """A request to a classifier."""

    inputs: TextOrTexts
    parameters: ClassificationParameters = ClassificationParameters()


class TranslationInputs(LaxRequest):
    """A request to a translator."""

    inputs: TextOrTexts
    parameters: TranslationParameters = TranslationParameters()


class SummarizationInputs(LaxRequest):
    """A request to a summarizer."""

    inputs: TextOrTexts
    parameters: SummarizationParameters = SummarizationParameters()


class SpeakingInputs(LaxRequest):
    """A request to a model that speaks."""

    inputs: Text
    parameters: SpeakingParameters = SpeakingParameters()


class DrawingInputs(LaxRequest):
    """A request to a model that draws."""

    inputs: Content
    parameters: DrawingParameters = DrawingParameters()


class Token(Reply):
    id: int
    text: str
    logprob: float | None
    special: bool


class Sequence(Reply):
    """One of best_of."""

    generated_text: str
    finish_reason: str
    generated_tokens: int
    seed: int
    tokens: list[Token]
    prefill: list[Token] = Field([])


class Details(Reply):
    finish_reason: Literal["length", "eos_token", "stop_sequence"]
    generated_tokens: int
    seed: int
    prefill: list[Token] = Field([])
    tokens: list[Token] = Field([])
    top_tokens: list[list[Token]] | None = None
    best_of_sequences: list[Sequence] | None = None


class GeneratedText(Reply):
    generated_text: str
    details: Details | None = None


class StreamDetails(Reply):
    finish_reason: Literal["length", "eos_token", "stop_sequence"]
    generated_tokens: int
    input_length: int
    seed: int


class StreamedToken(Reply):
    index: int
    token: Token
    top_tokens: list[Token] | None = None
    generated_text: str | None = None
    details: StreamDetails | None = None


class Label(Reply):
    label: str
    score: float


class TranslatedText(Reply):
    translation_text: str


class SpokenText(Reply):
    text: str


class SummaryText(Reply):
    summary_text: str


class InferenceError(Reply):
    error: str
    error_type: str
