"""A checkpoint: a directory with everything that serving a model needs, and checksums that verify it.

    config.json         kind, languages, sizes, tokenizer kind, and how it was trained
    tokenizer.model     (or tokenizer.json for whole words)
    model.safetensors   the weights, in half precision; the tables of an n-gram or a bag as they are
    metrics.json        its scores
    README.md           the model card
    quality.json        a translator's, if calibrated: how good a translation is likely to be (models/quality.py)
    manifest.json       the SHA-256 and size of each file above, and of any other file here

Everything is plain data: nothing here is unpickled.
"""

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from models.errors import CheckpointError, ModelError
from models.files import write_synced
from models.kinds import kind_named, kind_of
from models.model import Model
from models.networks.translator import Translator
from models.quality import Quality, load_quality
from models.text.tokenizers import Tokenizer, load_tokenizer

FORMAT = 1
TOKENIZER_FILES = {"subword": "tokenizer.model", "word": "tokenizer.json", "wordpunct": "tokenizer.json"}
MANIFEST = "manifest.json"
QUALITY = "quality.json"
LOG = "log.jsonl"


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model with everything that belongs to it; the model is in evaluation mode.

    version is the SHA-256 of the manifest (two checkpoints with the same version are the same), and
    checksum that of the weights' file.
    """

    name: str
    kind: str
    languages: tuple[str, ...]
    tokenizer: Tokenizer
    model: Model
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    card: str
    version: str
    checksum: str
    size_bytes: int
    log: tuple[Mapping[str, Any], ...] = ()
    """The validation scores of its training, an entry for each evaluation; empty where there is no log."""
    quality: Quality | None = None
    """Of a translator that is calibrated."""


def save(
    directory: Path,
    model: Model,
    weights: Mapping[str, Tensor],
    tokenizer: Tokenizer,
    languages: tuple[str, ...],
    training: Mapping[str, Any],
    metrics: Mapping[str, Any],
    card: str,
    extra: Mapping[str, bytes] | None = None,
) -> None:
    """Write a checkpoint; the directory appears whole, or not at all, and replaces an older one.

    weights are parameters by name, which may differ from the model's own (an average, say); they are stored in half
    precision, buffers exactly. Raises CheckpointError where it can't be written.
    """
    config = {
        "format": FORMAT,
        "kind": kind_of(model).name,
        "languages": list(languages),
        "model": asdict(model.config),
        "tokenizer": {"kind": tokenizer.kind, "lowercase": tokenizer.lowercase, "emoji": tokenizer.emoji},
        "training": dict(training),
    }
    halves = {name: weights[name].to("cpu", torch.float16).contiguous() for name, _ in model.named_parameters()}
    files = {
        "config.json": to_json(config),
        TOKENIZER_FILES[tokenizer.kind]: tokenizer.to_bytes(),
        "model.safetensors": save_tensors({**halves, **{name: _small(b) for name, b in model.named_buffers()}}),
        "metrics.json": to_json(metrics),
        "README.md": card.encode("utf-8"),
        **(extra or {}),
    }
    write_files(directory, files)


def _small(values: Tensor) -> Tensor:
    """int64 as int32 where the values fit; `load` restores int64."""
    fits = values.dtype == torch.int64 and (not values.numel() or int(values.abs().max()) < 2**31)
    return values.to(torch.int32) if fits else values


def replace_files(directory: Path, changes: Mapping[str, bytes], without: Collection[str] = ()) -> None:
    """Rewrite some files of a checkpoint, leave some out, and its manifest with them. Raises CheckpointError."""
    _, files = _read_verified(directory)
    others = {name: content for name, content in files.items() if name not in without}
    write_files(directory, {**others, **changes})


def write_files(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write files and their manifest into a new directory, then put it in the place of the old one."""
    manifest = {
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in sorted(files.items())
        }
    }
    partial = directory.with_name(directory.name + ".partial")
    retired = _retired(directory)
    try:
        _recover(directory)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, content in {**files, MANIFEST: to_json(manifest)}.items():
            write_synced(partial / name, content)
        shutil.rmtree(retired, ignore_errors=True)
        if directory.exists():
            directory.rename(retired)
        partial.rename(directory)
        shutil.rmtree(retired, ignore_errors=True)
    except OSError as error:
        _recover(directory)
        shutil.rmtree(partial, ignore_errors=True)
        raise CheckpointError(f"{directory}: can't be written: {error}") from error


def _retired(directory: Path) -> Path:
    return directory.with_name(directory.name + ".old")


def _recover(directory: Path) -> None:
    """Put back the old checkpoint where replacing it was cut off between its two renames."""
    if _retired(directory).exists() and not directory.exists():
        _retired(directory).rename(directory)


def load(directory: Path, device: torch.device | str = "cpu") -> Checkpoint:
    """Read and verify a checkpoint; weights become float32 on the device.

    Raises CheckpointError, naming the file and the cause, for anything missing, truncated, altered,
    or not matching the rest.
    """
    version, files = _read_verified(directory)
    config = _parse(directory / "config.json", files.get("config.json"))
    try:
        if config["format"] != FORMAT:
            raise CheckpointError(
                f"{directory / 'config.json'}: format {config['format']!r}; this version reads {FORMAT}"
            )
        kind = kind_named(config["kind"])
        model_config = kind.config(**config["model"])
        tokenizer_file = TOKENIZER_FILES[config["tokenizer"]["kind"]]
        languages = tuple(str(language) for language in config["languages"])
        lowercase = config["tokenizer"]["lowercase"]
        emoji = config["tokenizer"].get("emoji", "")  # older checkpoints have no such entry
        training = dict(config["training"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{directory / 'config.json'}: missing or unknown entry {error}") from None
    except ModelError as error:
        raise CheckpointError(f"{directory / 'config.json'}: {error}") from None
    for name in (tokenizer_file, "model.safetensors", "metrics.json", "README.md"):
        if name not in files:
            raise CheckpointError(f"{directory / name}: missing")
    try:
        tokenizer = load_tokenizer(config["tokenizer"]["kind"], files[tokenizer_file], lowercase, emoji)
    except ModelError as error:
        raise CheckpointError(f"{directory / tokenizer_file}: {error}") from None
    if tokenizer.size != model_config.vocabulary:
        raise CheckpointError(
            f"{directory / tokenizer_file}: {tokenizer.size} ids, but config.json has {model_config.vocabulary}"
        )
    model = kind.model(model_config)
    _load_weights(directory / "model.safetensors", files["model.safetensors"], model)
    quality = None
    if QUALITY in files and isinstance(model, Translator):
        try:
            quality = load_quality(files[QUALITY], model.config.directions)
        except ModelError as error:
            raise CheckpointError(f"{directory / QUALITY}: {error}") from None
    return Checkpoint(
        name=directory.name,
        kind=config["kind"],
        languages=languages,
        tokenizer=tokenizer,
        model=model.to(device).eval(),
        training=training,
        metrics=_parse(directory / "metrics.json", files["metrics.json"]),
        card=files["README.md"].decode("utf-8", errors="replace"),
        version=version,
        checksum=hashlib.sha256(files["model.safetensors"]).hexdigest(),
        size_bytes=sum(len(content) for content in files.values()),
        log=tuple(_parse(directory / LOG, line) for line in files.get(LOG, b"").splitlines()),
        quality=quality,
    )


def peek_kind(directory: Path) -> str:
    """The kind that config.json names, before anything is verified. Raises CheckpointError."""
    path = directory / "config.json"
    return str(_parse(path, _read(path)).get("kind"))


def to_json(value: Any) -> bytes:
    """JSON as files keep it: indented, ending in a newline."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8")


def _read_verified(directory: Path) -> tuple[str, dict[str, bytes]]:
    """The manifest's checksum and the files it lists, each proven to be what was written."""
    _recover(directory)
    if not directory.is_dir():
        raise CheckpointError(f"{directory}: no such checkpoint directory")
    content = _read(directory / MANIFEST)
    manifest = _parse(directory / MANIFEST, content)
    files: dict[str, bytes] = {}
    try:
        listed = {str(name): (str(entry["sha256"]), int(entry["bytes"])) for name, entry in manifest["files"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise CheckpointError(f"{directory / MANIFEST}: not a list of files with sha256 and bytes") from None
    for name, (sha256, size) in listed.items():
        if Path(name).name != name:
            raise CheckpointError(f"{directory / MANIFEST}: {name!r} is not a file name")
        files[name] = _read(directory / name)
        if len(files[name]) != size:
            raise CheckpointError(
                f"{directory / name}: {len(files[name])} bytes, but the manifest says {size}: truncated?"
            )
        if hashlib.sha256(files[name]).hexdigest() != sha256:
            raise CheckpointError(f"{directory / name}: altered: its SHA-256 is not the manifest's")
    return hashlib.sha256(content).hexdigest(), files


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path}: missing") from None
    except OSError as error:
        raise CheckpointError(f"{path}: can't be read: {error}") from None


def _parse(path: Path, content: bytes | None) -> dict[str, Any]:
    if content is None:
        raise CheckpointError(f"{path}: missing")
    try:
        value = json.loads(content)
    except ValueError as error:
        raise CheckpointError(f"{path}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: not a JSON object")
    return value


def _load_weights(path: Path, content: bytes, model: torch.nn.Module) -> None:
    try:
        weights = load_tensors(content)
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path}: not safetensors: {error}") from None
    parameters = model.state_dict()
    expected = {name: tuple(tensor.shape) for name, tensor in parameters.items()}
    actual = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    for name in sorted(expected.keys() | actual.keys()):
        if expected.get(name) != actual.get(name):
            raise CheckpointError(
                f"{path}: {name} has the shape {actual.get(name, 'none')}, "
                f"but config.json wants {expected.get(name, 'none')}"
            )
    model.load_state_dict({name: tensor.to(parameters[name].dtype) for name, tensor in weights.items()})
