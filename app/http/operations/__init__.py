"""The tasks, one file each: how a request becomes a job for a model, and how the result becomes a reply.

Routes and the command share them; they know schemas, and no web framework.
"""

from app.http.operations.classification import classify
from app.http.operations.description import describe
from app.http.operations.drawing import draw
from app.http.operations.generation import generate
from app.http.operations.inspection import inspect
from app.http.operations.model_list import list_models, show_model
from app.http.operations.next_words import next_word_probs
from app.http.operations.speech import speak
from app.http.operations.summarization import summarize
from app.http.operations.tokenization import check_tokenize, detokenize, tokenize, tokenizer_info
from app.http.operations.transcription import transcribe
from app.http.operations.translation import translate

__all__ = [
    "check_tokenize",
    "classify",
    "describe",
    "detokenize",
    "draw",
    "generate",
    "inspect",
    "list_models",
    "next_word_probs",
    "show_model",
    "speak",
    "summarize",
    "tokenize",
    "tokenizer_info",
    "transcribe",
    "translate",
]
