"""A checkpoint: a directory with everything that serving a model needs, and checksums that verify it.

    config.json         kind, languages, sizes, tokenizer kind, how it was trained, whether it is a default
    tokenizer.model     (or tokenizer.json for whole words)
    model.safetensors   the weights, in half precision; the tables of an n-gram or a bag as they are
    metrics.json        its scores
    README.md           the model card
    quality.json        a translator's, if calibrated: how good a translation is likely to be (models/quality.py)
    words.bloom         a language model's or a translator's, if its words are spelled by pieces: those of its training
                        text (models/text/known_words.py)
    manifest.json       the SHA-256 and size of each file above, and of any other file here

Everything is plain data: nothing here is unpickled.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor
from torch.overrides import TorchFunctionMode

from models.checkpoint_files import (
    CONFIG,
    MANIFEST,
    WEIGHTS,
    parse_json,
    read_verified,
    replace_files,
    to_json,
    was_default,
    write_files,
)  # fmt: skip
from models.errors import CheckpointError, ModelError
from models.kinds import kind_named, kind_of
from models.model import Model
from models.networks.translator import Translator
from models.quality import Quality, load_quality
from models.text.known_words import KnownWords
from models.text.tokenizers import Tokenizer, load_tokenizer

FORMAT = 1
TOKENIZER_FILES = {"subword": "tokenizer.model", "word": "tokenizer.json", "wordpunct": "tokenizer.json"}
QUALITY = "quality.json"
KNOWN_WORDS = "words.bloom"
LOG = "log.jsonl"
__all__ = [
    "CONFIG", "KNOWN_WORDS", "LOG", "MANIFEST", "QUALITY", "Checkpoint", "load", "replace_files", "save", "to_json",
    "write_files",
]  # fmt: skip


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
    known_words: KnownWords | None = None
    """The words that a language model lists; None: all that its pieces can spell."""
    default: bool = False
    """Whether it answers its languages where a request names no model and several could (`carousel default`)."""


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
    precision, buffers exactly. Where the older one was a default, so is the new one. Raises CheckpointError where it
    can't be written, or a weight is not finite.
    """
    config = {
        "format": FORMAT,
        "kind": kind_of(model).name,
        "languages": list(languages),
        "model": asdict(model.config),
        "tokenizer": {"kind": tokenizer.kind, "lowercase": tokenizer.lowercase, "emoji": tokenizer.emoji},
        **({"default": True} if was_default(directory) else {}),
        "training": dict(training),
    }
    halves = {name: weights[name].to("cpu", torch.float16).contiguous() for name, _ in model.named_parameters()}
    _check_finite(directory / "model.safetensors", halves)
    files = {
        CONFIG: to_json(config),
        TOKENIZER_FILES[tokenizer.kind]: tokenizer.to_bytes(),
        WEIGHTS: save_tensors({**halves, **{name: _small(b) for name, b in model.named_buffers()}}),
        "metrics.json": to_json(metrics),
        "README.md": card.encode("utf-8"),
        **(extra or {}),
    }
    write_files(directory, files)


def weights_bytes(model: Model) -> int:
    """The bytes that `save` stores of a model's parameters and buffers."""
    return sum(2 * values.numel() for values in model.parameters()) + sum(
        small.numel() * small.element_size() for small in map(_small, model.buffers())
    )


def _small(values: Tensor) -> Tensor:
    """int64 as int32 where the values fit; `load` restores int64."""
    fits = values.dtype == torch.int64 and (not values.numel() or int(values.abs().max()) < 2**31)
    return values.to(torch.int32) if fits else values


def load(directory: Path, device: torch.device | str = "cpu") -> Checkpoint:
    """Read and verify a checkpoint; weights become float32 on the device.

    Raises CheckpointError, naming the file and the cause, for anything missing, truncated, altered,
    or not matching the rest.
    """
    version, files = read_verified(directory)
    config = parse_json(directory / CONFIG, files.get(CONFIG))
    try:
        if config["format"] != FORMAT:
            raise CheckpointError(f"{directory / CONFIG}: format {config['format']!r}; this version reads {FORMAT}")
        kind = kind_named(config["kind"])
        model_config = kind.config(**config["model"])
        tokenizer_file = TOKENIZER_FILES[config["tokenizer"]["kind"]]
        languages = tuple(str(language) for language in config["languages"])
        lowercase = config["tokenizer"]["lowercase"]
        emoji = config["tokenizer"].get("emoji", "")  # older checkpoints have no such entry
        training = dict(config["training"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{directory / CONFIG}: missing or unknown entry {error}") from None
    except ModelError as error:
        raise CheckpointError(f"{directory / CONFIG}: {error}") from None
    for name in (tokenizer_file, WEIGHTS, "metrics.json", "README.md"):
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
    with _Uninitialized():
        model = kind.model(model_config)
    _load_weights(directory / WEIGHTS, files[WEIGHTS], model)
    return Checkpoint(
        name=directory.name,
        kind=config["kind"],
        languages=languages,
        tokenizer=tokenizer,
        model=model.to(device).eval(),
        training=training,
        metrics=parse_json(directory / "metrics.json", files["metrics.json"]),
        card=files["README.md"].decode("utf-8", errors="replace"),
        version=version,
        checksum=hashlib.sha256(files[WEIGHTS]).hexdigest(),
        size_bytes=sum(len(content) for content in files.values()),
        log=tuple(parse_json(directory / LOG, line) for line in files.get(LOG, b"").splitlines()),
        quality=_quality_of(model, directory / QUALITY, files.get(QUALITY)),
        known_words=_known_words_of(directory / KNOWN_WORDS, files.get(KNOWN_WORDS)),
        default=config.get("default") is True,
    )


class _Uninitialized(TorchFunctionMode):
    """`torch.nn.init` leaves the weights of networks that are made within it as they are: loaded ones replace them."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == torch.nn.init.__name__:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def _quality_of(model: Model, path: Path, content: bytes | None) -> Quality | None:
    """The calibrated estimate of a translator; None where it has none."""
    if content is None or not isinstance(model, Translator):
        return None
    try:
        return load_quality(content, model.config.directions)
    except ModelError as error:
        raise CheckpointError(f"{path}: {error}") from None


def _known_words_of(path: Path, content: bytes | None) -> KnownWords | None:
    try:
        return None if content is None else KnownWords.from_bytes(content)
    except ModelError as error:
        raise CheckpointError(f"{path}: {error}") from None


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
    _check_finite(path, {name: weights[name] for name, _ in model.named_parameters()})
    converted = {name: tensor.to(parameters[name].dtype) for name, tensor in weights.items()}
    model.load_state_dict(converted, assign=True)


def _check_finite(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Raise CheckpointError for weights of which one is NaN or infinite: every answer of such a model would be."""
    for name, tensor in weights.items():
        if not is_finite(tensor):
            raise CheckpointError(f"{path}: {name} has numbers that are not finite: its training diverged")


def is_finite(tensor: Tensor) -> bool:
    """Whether no number of a tensor of floats is NaN or infinite, also in half precision."""
    halves = tensor.to(torch.float16)
    # a sum of halves can't overflow in single precision; summing them as they are takes many times as long
    return bool(torch.isfinite(halves.float().sum()))
