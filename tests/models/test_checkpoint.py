import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from models import checkpoint
from models.batch import pad
from models.errors import CheckpointError
from models.networks.language_model import LanguageModel
from models.text.tokenizers import SubwordTokenizer
from tests.conftest import save_tiny


@pytest.fixture
def directory(checkpoints: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoints / "language-en", tmp_path / "model"))


def resign(directory: Path, name: str, content: bytes) -> None:
    """Change a file and make the manifest agree, as a careless editor with a script would."""
    files = {path.name: path.read_bytes() for path in directory.iterdir() if path.name != "manifest.json"}
    checkpoint.write_files(directory, {**files, name: content})


class TestSaveAndLoad:
    def test_outputs_are_the_same(
        self, tmp_path: Path, language_model: LanguageModel, tokenizer: SubwordTokenizer
    ) -> None:
        for parameter in language_model.parameters():
            parameter.data = parameter.data.half().float()  # what half precision can hold
        save_tiny(tmp_path / "model", language_model, tokenizer, "en")
        loaded = checkpoint.load(tmp_path / "model")
        ids = pad([tokenizer.encode("the man sees the dog")]).ids
        torch.testing.assert_close(loaded.model(ids)[0], language_model(ids)[0], rtol=0, atol=0)
        assert loaded.tokenizer.encode("the man") == tokenizer.encode("the man")
        assert (loaded.kind, loaded.languages) == ("language", ("en",))

    @pytest.mark.parametrize("name", ["language-en", "sentiment-tr", "translation-en-tr"])
    def test_every_kind_loads_ready_to_use(self, checkpoints: Path, name: str) -> None:
        loaded = checkpoint.load(checkpoints / name)
        assert loaded.kind == {"l": "language", "s": "classifier", "t": "translator"}[name[0]]
        assert not loaded.model.training
        assert all(parameter.dtype == torch.float32 for parameter in loaded.model.parameters())

    @pytest.mark.parametrize("name", ["language-en", "sentiment-tr", "translation-en-tr"])
    def test_loading_draws_no_random_numbers(self, checkpoints: Path, name: str) -> None:
        """Weights that are drawn at random first take as long as to read those that replace them."""
        before = torch.get_rng_state()
        checkpoint.load(checkpoints / name)
        assert torch.equal(torch.get_rng_state(), before)

    def test_saving_again_replaces(self, directory: Path, classifier, tokenizer: SubwordTokenizer) -> None:
        before = checkpoint.load(directory).version
        save_tiny(directory, classifier, tokenizer, "tr")
        assert checkpoint.load(directory).kind == "classifier"
        assert checkpoint.load(directory).version != before
        assert [path.name for path in directory.parent.iterdir()] == ["model"]

    def test_a_disk_that_refuses_leaves_the_old_one(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        before = checkpoint.load(directory).version
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(CheckpointError, match="No space left"):
            checkpoint.replace_files(directory, {"README.md": b"new"})
        monkeypatch.undo()
        rename = Path.rename

        def stubborn(path: Path, target: Path) -> Path:
            if path.suffix == ".partial":
                full(0)
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", stubborn)
        with pytest.raises(CheckpointError, match="No space left"):
            checkpoint.replace_files(directory, {"README.md": b"new"})
        monkeypatch.undo()
        assert checkpoint.load(directory).version == before
        assert [path.name for path in directory.parent.iterdir()] == ["model"]

    def test_cut_off_between_two_renames_is_mended(self, directory: Path) -> None:
        before = checkpoint.load(directory).version
        directory.rename(directory.with_name("model.old"))
        assert checkpoint.load(directory).version == before
        checkpoint.replace_files(directory, {"README.md": b"new"})
        assert checkpoint.load(directory).card == "new"


class TestDamage:
    @pytest.mark.parametrize("name", ["config.json", "tokenizer.model", "model.safetensors", "metrics.json"])
    def test_missing(self, directory: Path, name: str) -> None:
        (directory / name).unlink()
        with pytest.raises(CheckpointError, match=f"model/{name}: missing"):
            checkpoint.load(directory)

    def test_no_manifest(self, directory: Path) -> None:
        (directory / "manifest.json").unlink()
        with pytest.raises(CheckpointError, match=r"manifest.json: missing"):
            checkpoint.load(directory)

    @pytest.mark.parametrize("name", ["config.json", "tokenizer.model", "model.safetensors"])
    def test_truncated(self, directory: Path, name: str) -> None:
        content = (directory / name).read_bytes()
        (directory / name).write_bytes(content[:-10])
        with pytest.raises(CheckpointError, match=f"{name}: {len(content) - 10} bytes, .*{len(content)}: truncated"):
            checkpoint.load(directory)

    @pytest.mark.parametrize("name", ["config.json", "tokenizer.model", "model.safetensors", "README.md"])
    def test_one_bit_altered(self, directory: Path, name: str) -> None:
        content = bytearray((directory / name).read_bytes())
        content[len(content) // 2] ^= 1
        (directory / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=f"{name}: altered"):
            checkpoint.load(directory)

    @pytest.mark.parametrize("content", [b"not json", b"[]", b'{"files": {"../x": {"sha256": "", "bytes": 0}}}'])
    def test_a_manifest_that_is_none(self, directory: Path, content: bytes) -> None:
        (directory / "manifest.json").write_bytes(content)
        with pytest.raises(CheckpointError, match=r"manifest\.json"):
            checkpoint.load(directory)

    @pytest.mark.parametrize(
        ("change", "cause"),
        [
            ({"format": 99}, "format 99"),
            ({"kind": "oracle"}, "oracle"),
            ({"model": {"vocabulary": 10, "depth": 3}}, "depth"),
            ({"model": {"vocabulary": 10, "hidden": -1}}, "hidden is -1"),
            ({"tokenizer": {"kind": "magic", "lowercase": ""}}, "magic"),
        ],
    )
    def test_a_config_that_makes_no_sense(self, directory: Path, change: dict[str, object], cause: str) -> None:
        config = json.loads((directory / "config.json").read_bytes())
        resign(directory, "config.json", checkpoint.to_json(config | change))
        with pytest.raises(CheckpointError, match=rf"config\.json: .*{cause}"):
            checkpoint.load(directory)

    def test_weights_of_another_size(self, directory: Path) -> None:
        config = json.loads((directory / "config.json").read_bytes())
        config["model"]["hidden"] = 20
        resign(directory, "config.json", checkpoint.to_json(config))
        with pytest.raises(CheckpointError, match=r"model\.safetensors: lstm.* has the shape .*but config\.json wants"):
            checkpoint.load(directory)

    def test_a_tokenizer_of_another_size(self, directory: Path) -> None:
        other = SubwordTokenizer.train(["a few other words"] * 9, 290)
        resign(directory, "tokenizer.model", other.to_bytes())
        with pytest.raises(CheckpointError, match=r"tokenizer\.model: \d+ ids, but config\.json has"):
            checkpoint.load(directory)

    def test_weights_that_are_none(self, directory: Path) -> None:
        resign(directory, "model.safetensors", b"pickle me")
        with pytest.raises(CheckpointError, match=r"model\.safetensors: not safetensors"):
            checkpoint.load(directory)

    def test_no_directory(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match="no such checkpoint directory"):
            checkpoint.load(tmp_path / "none")
