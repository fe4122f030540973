"""Which runtime a model gets."""

import torch

from models.classifier import Classifier
from models.errors import ConfigError
from models.language_model import LanguageModel
from models.runtime.float import FloatClassifier, FloatLanguage, FloatTranslator
from models.runtime.graphs import GraphedLanguage
from models.runtime.int8_classifier import Int8Classifier
from models.runtime.int8_language import Int8Language
from models.runtime.int8_translator import Int8Translator
from models.runtime.interface import ClassifierRuntime, LanguageRuntime, TranslatorRuntime
from models.translator import Translator

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_precision(name: str, device: torch.device) -> str:
    """auto is int8 on a CPU, float16 on a GPU.

    Raises ConfigError for a precision that the device does not have.
    """
    if name not in ("auto", "int8", *DTYPES):
        raise ConfigError(f"precision {name!r} is none of auto, int8, {', '.join(DTYPES)}")
    if device.type == "cuda":
        if name == "int8":
            raise ConfigError("precision int8 is for CPUs; a GPU has float16, bfloat16 and float32")
        return "float16" if name == "auto" else name
    if name == "float16":
        raise ConfigError("precision float16 is for GPUs; a CPU has int8, bfloat16 and float32")
    return "int8" if name == "auto" else name


def make_language_runtime(model: LanguageModel, precision: str, threads: int = 0) -> LanguageRuntime:
    """A runtime of a precision that `choose_precision` gave; threads are for int8, 0 is one a core."""
    if precision == "int8":
        return Int8Language(model, threads)
    plain = FloatLanguage(model, DTYPES[precision])
    return GraphedLanguage(plain) if plain.device.type == "cuda" else plain


def make_classifier_runtime(model: Classifier, precision: str, threads: int = 0) -> ClassifierRuntime:
    """As make_language_runtime."""
    if precision == "int8":
        return Int8Classifier(model, threads)
    return FloatClassifier(model, DTYPES[precision])


def make_translator_runtime(model: Translator, precision: str, threads: int = 0) -> TranslatorRuntime:
    """As make_language_runtime."""
    if precision == "int8":
        return Int8Translator(model, threads)
    return FloatTranslator(model, DTYPES[precision])
