"""Which runtime a model gets."""

import torch
from torch import nn

from models.errors import ConfigError
from models.networks.classifier import Classifier
from models.networks.language_model import LanguageModel
from models.networks.translator import Translator
from models.runtime.cuda_graphs import GraphedLanguage
from models.runtime.float import FloatClassifier, FloatLanguage, FloatTranslator
from models.runtime.int8.classifier import Int8Classifier
from models.runtime.int8.language import Int8Language
from models.runtime.int8.translator import Int8Translator
from models.runtime.interface import ClassifierRuntime, LanguageRuntime, TranslatorRuntime

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


def has_int8(model: nn.Module) -> bool:
    """Whether there is an int8 runtime for a model where it lies: for LSTMs on a CPU."""
    config = getattr(model, "config", None)
    return getattr(config, "cell", "") == "lstm" and next(model.parameters()).device.type == "cpu"


def make_language_runtime(model: LanguageModel, precision: str, threads: int = 0) -> LanguageRuntime:
    """A runtime of a precision that `choose_precision` gave; threads are for int8, 0 is one a core.

    In int8 there are LSTMs alone: what else is recurrent runs in float32 instead.
    """
    if precision == "int8" and has_int8(model):
        return Int8Language(model, threads)
    plain = FloatLanguage(model, DTYPES.get(precision, torch.float32))
    return GraphedLanguage(plain) if plain.device.type == "cuda" else plain


def make_classifier_runtime(model: Classifier, precision: str, threads: int = 0) -> ClassifierRuntime:
    """As make_language_runtime."""
    if precision == "int8" and has_int8(model):
        return Int8Classifier(model, threads)
    return FloatClassifier(model, DTYPES.get(precision, torch.float32))


def make_translator_runtime(model: Translator, precision: str, threads: int = 0) -> TranslatorRuntime:
    """As make_language_runtime."""
    if precision == "int8" and has_int8(model):
        return Int8Translator(model, threads)
    return FloatTranslator(model, DTYPES.get(precision, torch.float32))
