"""Which model answers where a request names none: the same rule at the start, after SIGHUP, and in the shell."""

import shutil
from pathlib import Path

import pytest
import torch

from app.catalog.defaults import choose_defaults
from app.catalog.loading import Choice, load_models, reload_models
from app.catalog.registry import Registry
from app.errors import ServiceError
from models.checkpoint_files import mark_default, was_default
from models.errors import CheckpointError
from models.kinds import KINDS
from models.networks.classifier import Classifier, ClassifierConfig
from models.peek import peek
from models.tasks import TASKS
from models.text.tokenizers import SubwordTokenizer
from tests.conftest import save_tiny

CPU = torch.device("cpu")
TURKISH, ENGLISH = "güzel bir film", "a good film"


@pytest.fixture
def folder(tmp_path: Path, checkpoints: Path, tokenizer: SubwordTokenizer) -> Path:
    """The tiny models, and a user's `mails`, whose name sorts before that of the other English classifier."""
    folder = tmp_path / "checkpoints"
    shutil.copytree(checkpoints, folder)
    topics = tuple("123456")
    mails = Classifier(ClassifierConfig(tokenizer.size, topics, embedding=12, hidden=8))
    save_tiny(folder / "mails", mails, tokenizer, "en", "tr")
    return folder


def answering(registry: Registry, task: str, text: str) -> str:
    return registry.for_text(task, None, text).name


def chosen(registry: Registry, use: str) -> tuple[str, str]:
    return registry.defaults[use].model, registry.defaults[use].chosen_by


class TestTheRule:
    def test_of_several_the_first_by_name_and_it_says_so(self, folder: Path) -> None:
        registry = load_models(Choice(folder), CPU)
        assert chosen(registry, "classify:tr") == ("mails", "order")
        assert registry.defaults["classify:tr"].others == ("sentiment-tr",)
        assert chosen(registry, "generate:tr") == ("language-tr", "only")
        assert answering(registry, "classifier", TURKISH) == "mails"

    def test_one_that_is_marked_stays_the_default_beside_others(self, folder: Path) -> None:
        for name in ("sentiment-tr", "sentiment-en"):
            mark_default(folder / name, True)
        registry = load_models(Choice(folder), CPU)
        for language, text in (("tr", TURKISH), ("en", ENGLISH)):
            assert chosen(registry, f"classify:{language}") == (f"sentiment-{language}", "checkpoint")
            assert answering(registry, "classifier", text) == f"sentiment-{language}"
        assert registry.default_uses(registry.get("mails")) == []

    def test_the_setting_is_above_the_mark(self, folder: Path) -> None:
        mark_default(folder / "sentiment-tr", True)
        registry = load_models(Choice(folder, defaults={"classify:tr": "mails", "classify": "sentiment-en"}), CPU)
        assert chosen(registry, "classify:tr") == ("mails", "setting")
        assert chosen(registry, "classify:en") == ("sentiment-en", "setting")

    def test_a_direction_is_a_use(self, folder: Path) -> None:
        shutil.copytree(folder / "translation-en-tr", folder / "another")
        registry = load_models(Choice(folder, defaults={"translate:en-tr": "translation-en-tr"}), CPU)
        assert [registry.for_translation(None, text, source, None)[0].served.name
                for text, source in ((ENGLISH, "en"), (TURKISH, "tr"))] == ["translation-en-tr", "another"]  # fmt: skip

    @pytest.mark.parametrize(
        ("use", "name", "message"),
        [
            ("classify:tr", "sentimental", "classify:tr=sentimental: no such model; there are language-en, "),
            ("classify:tr", "sentiment-en", "classify:tr=sentiment-en: sentiment-en answers classify:en"),
            ("classify:tr", "language-tr", "language-tr answers generate:tr"),
            ("clasify:en", "mails", "mails answers classify:en, classify:tr"),
        ],
    )
    def test_a_default_that_cannot_be_one_is_named(self, folder: Path, use: str, name: str, message: str) -> None:
        with pytest.raises(ServiceError, match=f"CAROUSEL_DEFAULTS: .*{message}"):
            load_models(Choice(folder, defaults={use: name}), CPU)

    def test_the_shell_has_the_same_without_loading_them(self, folder: Path) -> None:
        mark_default(folder / "sentiment-en", True)
        for named in ({}, {"classify": "mails"}):
            registry = load_models(Choice(folder, defaults=named), CPU)
            assert choose_defaults([peek(path) for path in sorted(folder.iterdir())], named) == registry.defaults

    def test_every_kind_answers_what_it_is_listed_with(self) -> None:
        assert {name: kind.task for name, kind in KINDS.items() if name in TASKS} == TASKS
        assert {name for name, kind in KINDS.items() if kind.training.startswith("trainer.")} == set(TASKS)


class TestReload:
    def test_it_serves_what_a_start_would(self, folder: Path) -> None:
        registry = load_models(Choice(folder), CPU)
        shutil.copytree(folder / "mails", folder / "a-first")
        shutil.rmtree(folder / "sentiment-en")
        assert reload_models(registry, Choice(folder)) == ["a-first"]
        again = load_models(Choice(folder), CPU)
        assert list(registry.models) == list(again.models)
        assert registry.defaults == again.defaults

    def test_a_default_that_is_gone_changes_nothing(self, folder: Path) -> None:
        choice = Choice(folder, defaults={"classify:en": "mails"})
        registry = load_models(choice, CPU)
        before = dict(registry.models)
        shutil.rmtree(folder / "mails")
        with pytest.raises(ServiceError, match="no such model"):
            reload_models(registry, choice)
        assert registry.models == before


class TestMark:
    def test_a_model_that_is_trained_again_stays_the_default(
        self, folder: Path, tokenizer: SubwordTokenizer, classifier: Classifier
    ) -> None:
        assert not was_default(folder / "mails")
        mark_default(folder / "mails", True)
        save_tiny(folder / "mails", classifier, tokenizer, "en")
        assert was_default(folder / "mails")
        mark_default(folder / "mails", False)
        assert not was_default(folder / "mails")
        load_models(Choice(folder, ("mails",)), CPU)


class TestWhatIsNoCheckpoint:
    @pytest.mark.parametrize("name", ["lost+found", "notes", ".git", "a.training"])
    def test_a_folder_without_a_manifest_is_skipped(
        self, folder: Path, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        (folder / name).mkdir()
        (folder / "README.txt").write_text("no folder", "utf-8")
        assert name not in load_models(Choice(folder), CPU).models
        assert ("folder_skipped" in caplog.text) == (name in ("lost+found", "notes"))

    def test_one_that_is_named_must_be_there(self, folder: Path) -> None:
        (folder / "notes").mkdir()
        with pytest.raises(CheckpointError, match=r"notes/manifest.json: missing"):
            load_models(Choice(folder, ("notes",)), CPU)

    def test_a_checkpoint_is_no_folder_of_checkpoints(self, folder: Path) -> None:
        with pytest.raises(CheckpointError, match=f"sentiment-en is a checkpoint itself: .*CHECKPOINTS={folder}\\)"):
            load_models(Choice(folder / "sentiment-en"), CPU)


class TestABadCheckpoint:
    @pytest.fixture
    def damaged(self, folder: Path) -> Path:
        path = folder / "sentiment-en" / "model.safetensors"
        path.write_bytes(path.read_bytes()[:-1])
        return folder

    def test_the_service_does_not_start(self, damaged: Path) -> None:
        with pytest.raises(CheckpointError, match=r"sentiment-en/model.safetensors: .* truncated"):
            load_models(Choice(damaged), CPU)

    def test_or_starts_with_the_others(self, damaged: Path) -> None:
        registry = load_models(Choice(damaged, skip_bad=True, defaults={"classify:en": "sentiment-en"}), CPU)
        assert "sentiment-en" not in registry.models
        assert registry.refused["sentiment-en"].startswith("sentiment-en/model.safetensors: ")
        assert answering(registry, "classifier", ENGLISH) == "mails"

    def test_one_that_is_served_stays_as_it_was(self, folder: Path, request: pytest.FixtureRequest) -> None:
        choice = Choice(folder, skip_bad=True)
        registry = load_models(choice, CPU)
        before = dict(registry.models)
        request.getfixturevalue("damaged")
        assert reload_models(registry, choice) == []
        assert registry.models == before
        assert list(registry.refused) == ["sentiment-en"]

    def test_without_any_other_it_is_the_error(self, damaged: Path) -> None:
        with pytest.raises(CheckpointError, match="no checkpoint that can be served: sentiment-en/model"):
            load_models(Choice(damaged, ("sentiment-en",), skip_bad=True), CPU)
