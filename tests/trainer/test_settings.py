"""Settings keep their former names for a release: in options, and in the records of older checkpoints."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from models.config import Choice, Config, FormerName, Range, current_names, limits
from models.errors import ConfigError
from models.kinds import KINDS
from models.networks.captioner import CaptionerConfig
from models.networks.classifier import ClassifierConfig
from models.networks.language_model import LanguageModelConfig
from models.networks.pixel_rnn import PixelRNNConfig
from models.networks.recognizer import RecognizerConfig
from models.networks.speaker import SpeakerConfig
from models.networks.summarizer import SummarizerConfig
from models.networks.transformer import TransformerConfig
from models.networks.translator import TranslatorConfig
from tests.trainer.test_docs import DOCS
from trainer.loop.optimization import TrainingConfig
from trainer.pipeline.options import distribute, settable
from trainer.tasks.classification import ClassificationTaskConfig
from trainer.tasks.configs import BaggingConfig
from trainer.tasks.language import LanguageTaskConfig

ALL_CONFIGS = list(dict.fromkeys(c for kind in KINDS.values() for c in kind.load_training().configurations))
SHIPPED = Path(__file__).parents[2] / "checkpoints"
RENAMED = [
    (LanguageTaskConfig, "stripes", "batch_size"),
    (LanguageTaskConfig, "chunk_tokens", "bptt"),
    (LanguageTaskConfig, "empty_memory", "state_reset"),
    (LanguageTaskConfig, "activation_penalty", "ar_alpha"),
    (LanguageTaskConfig, "change_penalty", "tar_beta"),
    (ClassificationTaskConfig, "batch_texts", "batch_size"),
    (TrainingConfig, "average_after", "nonmono"),
    (TrainingConfig, "accumulate", "gradient_accumulation_steps"),
    (BaggingConfig, "least_texts", "min_df"),
    (BaggingConfig, "strength", "regularization_c"),
]

REQUIRED: dict[type[Config], dict[str, Any]] = {
    LanguageModelConfig: {"vocabulary": 9},
    ClassifierConfig: {"vocabulary": 9, "labels": ("a", "b")},
    TranslatorConfig: {"vocabulary": 9, "languages": ("en", "tr"), "directions": (("en", "tr"),)},
    SummarizerConfig: {"vocabulary": 9, "languages": ("en",), "directions": (("en", "en"),)},
    CaptionerConfig: {"vocabulary": 9, "languages": ("en", "tr")},
    RecognizerConfig: {"vocabulary": 9},
    SpeakerConfig: {"vocabulary": 9, "words": ("one", "two"), "voices": ("ann",), "takes": 2},
    TransformerConfig: {"vocabulary": 9},
    PixelRNNConfig: {"vocabulary": 9, "classes": (("zero", "0"), ("one", "1"))},
}


@pytest.mark.parametrize(("config", "former", "name"), RENAMED)
class TestFormerNames:
    def test_it_works_and_says_so(self, config: type[Config], former: str, name: str) -> None:
        with pytest.warns(FutureWarning, match=f"setting {former} is now called {name}"):
            (share,) = distribute({former: "1"}, [config])
        assert share == {name: 1}
        assert former in DOCS

    def test_the_later_of_two_names_counts(self, config: type[Config], former: str, name: str) -> None:
        assert current_names({name: 2, former: 3}, [config], warn=False) == {name: 3}
        assert current_names({former: 3, name: 2}, [config], warn=False) == {name: 2}


def test_there_are_no_others() -> None:
    marks = {mark.name for config in ALL_CONFIGS for mark in _former(config)}
    assert marks == {former for _, former, _ in RENAMED}


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in SHIPPED.glob("*/config.json")))
def test_records_of_older_checkpoints_are_understood(folder: str) -> None:
    record = json.loads((SHIPPED / folder / "config.json").read_text(encoding="utf-8"))
    settings = current_names(record["training"]["settings"], ALL_CONFIGS, warn=False)
    known = {name for config in KINDS[record["kind"]].load_training().configurations for name in settable(config)}
    assert settings.keys() <= known


class TestLimits:
    @pytest.mark.parametrize("config", ALL_CONFIGS)
    def test_each_field_refuses_what_is_outside(self, config: type[Config]) -> None:
        for name, limit in limits(config).items():
            if name not in settable(config):
                continue
            outside = ["?"] if isinstance(limit, Choice) else [limit.low - 1, limit.high + 1, True, "1", None]
            for value in outside:
                with pytest.raises(ConfigError, match=rf"{config.__name__}\.{name} is .* it must be ") as error:
                    config(**{**REQUIRED.get(config, {}), name: value})
                assert str(error.value).endswith(str(limit))

    def test_texts(self) -> None:
        assert str(Range(1, 8)) == "a whole number from 1 to 8"
        assert str(Range(0.0, 0.5)) == "a number from 0.0 to 0.5"
        assert str(Choice(("", "en"))) == "empty or en"


def _former(config: type[Config]) -> list[FormerName]:
    return [
        mark
        for hint in fields(config)  # type: ignore[arg-type]
        for mark in getattr(hint.type, "__metadata__", ())
        if isinstance(mark, FormerName)
    ]
