"""The limits of requests: which setting limits which field, put into the schemas so that the OpenAPI document has them.

To limit a field is to add it to LIMITS.
"""

from copy import copy
from functools import cache
from typing import Any, TypeVar

from annotated_types import Le, MaxLen
from pydantic import BaseModel, create_model

from app.http.schemas.base import text_or_blank_texts, text_or_texts
from app.http.schemas.classify import ClassifyRequest
from app.http.schemas.describe import DescribeRequest
from app.http.schemas.draw import DrawRequest
from app.http.schemas.generate import GenerateRequest
from app.http.schemas.huggingface import (
    ClassificationInputs,
    DrawingInputs,
    GenerationInputs,
    GenerationParameters,
    Inference,
    SpeakingInputs,
    SummarizationInputs,
    SummarizationParameters,
    SummaryParameters,
    TranslationInputs,
)  # fmt: skip
from app.http.schemas.inspect import InspectRequest
from app.http.schemas.libretranslate import DetectForm, TranslateForm
from app.http.schemas.models import DetokenizeRequest, TokenizeRequest
from app.http.schemas.next_word_probs import NextWordRequest
from app.http.schemas.open_inference import InferRequest, input_tensors
from app.http.schemas.openai import CompletionRequest, ImageRequest, ModelCompletionRequest, prompt_or_prompts
from app.http.schemas.openai_audio import SpeechRequest, TranscriptionForm
from app.http.schemas.speak import SpeakRequest
from app.http.schemas.summarize import SummarizeRequest
from app.http.schemas.train import TrainRequest
from app.http.schemas.transcribe import TranscribeRequest
from app.http.schemas.translate import TranslateRequest
from app.http.schemas.vectorize import VectorizeRequest
from app.settings import Settings

COMPLETION: dict[str, Any] = {
    "prompt": (prompt_or_prompts, "max_prompt_characters", "max_texts"),
    "max_tokens": "max_new_tokens",
    "n": "max_choices",
    "best_of": "max_choices",
}
LIMITS: dict[type[BaseModel], dict[str, Any]] = {
    GenerateRequest: {"prompt": "max_prompt_characters", "max_new_tokens": "max_new_tokens", "n": "max_choices"},
    NextWordRequest: {"text": "max_prompt_characters"},
    ClassifyRequest: {"text": (text_or_texts, "max_text_characters", "max_texts")},
    TranslateRequest: {
        "text": (text_or_texts, "max_source_characters", "max_texts"),
        "prefix": "max_source_characters",
        "beam_size": "max_beam_size",
    },
    DescribeRequest: {},
    TranscribeRequest: {},
    TranscriptionForm: {},
    SpeakRequest: {"text": "max_spoken_characters"},
    SpeechRequest: {"input": "max_spoken_characters"},
    SummarizeRequest: {
        "text": (text_or_texts, "max_text_characters", "max_texts"),
        "max_new_tokens": "max_new_tokens",
        "beam_size": "max_beam_size",
    },
    DrawRequest: {"prompt": "max_prompt_characters", "n": "max_images"},
    InspectRequest: {"text": "max_inspect_characters"},
    TrainRequest: {"text": "max_text_characters"},
    TokenizeRequest: {"text": "max_prompt_characters", "prompt": "max_prompt_characters"},
    DetokenizeRequest: {"tokens": "max_prompt_characters"},
    VectorizeRequest: {"text": (text_or_texts, "max_inspect_characters", "max_texts")},
    CompletionRequest: COMPLETION,
    ModelCompletionRequest: COMPLETION,
    ImageRequest: {"prompt": "max_prompt_characters", "n": "max_images"},
    Inference: {"inputs": (text_or_texts, "max_input_characters", "max_texts")},
    GenerationInputs: {
        "inputs": (text_or_texts, "max_prompt_characters", "max_texts"),
        "parameters": GenerationParameters,
    },
    GenerationParameters: {"max_new_tokens": "max_new_tokens", "best_of": "max_choices"},
    ClassificationInputs: {"inputs": (text_or_texts, "max_text_characters", "max_texts")},
    TranslationInputs: {"inputs": (text_or_texts, "max_source_characters", "max_texts")},
    SummarizationInputs: {
        "inputs": (text_or_texts, "max_text_characters", "max_texts"),
        "parameters": SummarizationParameters,
    },
    SummarizationParameters: {"max_new_tokens": "max_new_tokens", "generate_parameters": SummaryParameters},
    SummaryParameters: {"max_new_tokens": "max_new_tokens"},
    SpeakingInputs: {"inputs": "max_spoken_characters"},
    DrawingInputs: {"inputs": "max_prompt_characters"},
    InferRequest: {"inputs": (input_tensors, "max_input_characters", "max_texts")},
    TranslateForm: {"q": (text_or_blank_texts, "max_source_characters", "max_texts")},
    DetectForm: {"q": "max_source_characters"},
}
"""For each schema, its fields with the setting that limits them: the maximum of a number, or of characters in a text.

A tuple makes the field's type of settings; a schema is a nested one, with limits of its own.
"""

SchemaT = TypeVar("SchemaT", bound=BaseModel)


def limited(schema: type[SchemaT], settings: Settings) -> type[SchemaT]:
    """The schema with the limits that settings have for it."""
    model: type[SchemaT] = _limited(schema, settings)
    return model


@cache
def _limited(schema: type[BaseModel], settings: Settings) -> Any:
    fields = {name: _field(schema, name, limit, settings) for name, limit in LIMITS[schema].items()}
    return create_model(schema.__name__, __base__=schema, __module__=schema.__module__, **fields)


def _field(schema: type[BaseModel], name: str, limit: Any, settings: Settings) -> Any:
    """A field's annotation and its other properties, under a limit of LIMITS."""
    field = copy(schema.model_fields[name])
    if isinstance(limit, tuple):
        make_type, *names = limit
        return make_type(*(getattr(settings, name) for name in names)), field
    if isinstance(limit, type):
        nested: Any = limited(limit, settings)
        field.default = nested()
        return nested, field
    maximum = getattr(settings, limit)
    if field.annotation is int:
        field.metadata = [*field.metadata, Le(maximum)]
        field.default = min(field.default, maximum)
    else:
        field.metadata = [MaxLen(maximum), *field.metadata]  # first, so that no validator reads a text that is too long
    return field.annotation, field
