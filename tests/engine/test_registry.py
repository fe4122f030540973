"""Which model a request means."""

import pytest
import torch

from app.catalog.registry import Registry, serve
from app.errors import NoModel
from models import checkpoint
from models.networks.translator import Translator, TranslatorConfig
from models.text.tokenizers import SubwordTokenizer
from tests.conftest import save_tiny

ENGLISH, TURKISH = "Where is the old station?", "Eski istasyon nerede acaba?"
GERMAN = "Wo ist der alte Bahnhof, bitte?"


@pytest.fixture
def registry(tmp_path, tokenizer: SubwordTokenizer) -> Registry:
    """English into Turkish and German, Turkish into English, German into Turkish."""
    directions = (("en", "tr"), ("en", "de"), ("tr", "en"), ("de", "tr"))
    config = TranslatorConfig(tokenizer.size, ("en", "tr", "de"), directions, embedding=8, hidden=8)
    save_tiny(tmp_path / "translator", Translator(config), tokenizer, "en", "tr", "de")
    return Registry([serve(checkpoint.load(tmp_path / "translator"), "float32")], torch.device("cpu"))


class TestTarget:
    def test_the_only_one_need_not_be_named(self, registry: Registry) -> None:
        for text, source, expected in ((TURKISH, "auto", "en"), (GERMAN, "auto", "tr"), ("Hm", "de", "tr")):
            (direction,) = registry.for_translation(None, text, source, None)
            assert (direction.target, direction.source.language) == (expected, {"en": "tr", "tr": "de"}[expected])

    def test_of_several_one_must_be_named(self, registry: Registry) -> None:
        with pytest.raises(NoModel, match="name a language to translate to; there are de, tr") as caught:
            registry.for_translation(None, [ENGLISH], "auto", None)
        assert caught.value.field == "target"
        (direction,) = registry.for_translation(None, [ENGLISH], "auto", "de")
        assert direction.target == "de"

    def test_each_text_has_its_own(self, registry: Registry) -> None:
        directions = registry.for_translation(None, [TURKISH, GERMAN], "auto", None)
        assert [direction.target for direction in directions] == ["en", "tr"]
        assert directions == [registry.for_translation(None, text, "auto", None)[0] for text in (TURKISH, GERMAN)]

    def test_a_text_in_the_target_language_is_left_unchanged(self, registry: Registry) -> None:
        directions = registry.for_translation(None, [TURKISH, ENGLISH], "auto", "en")
        assert [direction.unchanged for direction in directions] == [False, True]
        (direction,) = registry.for_translation(None, ENGLISH, "en", "en")
        assert direction.unchanged
        with pytest.raises(NoModel, match="no model") as caught:
            registry.for_translation(None, ENGLISH, "fr", "fr")
        assert caught.value.field == "target"

    def test_unknown_languages_are_named_where_they_stand(self, registry: Registry) -> None:
        for source, target, field in (
            ("fr", None, "source"),
            ("fr", "tr", "source"),
            ("en", "fr", "target"),
            ("auto", "fr", "target"),
        ):
            with pytest.raises(NoModel) as caught:
                registry.for_translation(None, [ENGLISH], source, target)
            assert caught.value.field == field
