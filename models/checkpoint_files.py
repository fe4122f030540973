"""The files of a checkpoint directory and the manifest that verifies them, without PyTorch: plain bytes and JSON."""

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from models.errors import CheckpointError
from models.files import cause, write_synced
from models.json_text import dumps

MANIFEST = "manifest.json"
CONFIG = "config.json"
WEIGHTS = "model.safetensors"


def is_checkpoint(directory: Path) -> bool:
    """Whether a directory has a manifest, which every checkpoint has; False where it can't be read."""
    return os.path.isfile(directory / MANIFEST)  # noqa: PTH113 (Path.is_file raises PermissionError)


def replace_files(directory: Path, changes: Mapping[str, bytes], without: Collection[str] = ()) -> None:
    """Rewrite some files of a checkpoint, leave some out, and its manifest with them. Raises CheckpointError."""
    _, files = read_verified(directory)
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
        recover(directory)
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
        recover(directory)
        shutil.rmtree(partial, ignore_errors=True)
        raise CheckpointError(f"{directory}: can't be written: {cause(error)}") from error


def was_default(directory: Path) -> bool:
    """Whether a checkpoint there is marked as a default; False where there is none, or none that can be read."""
    try:
        return parse_json(directory / CONFIG, read(directory / CONFIG)).get("default") is True
    except CheckpointError:
        return False


def mark_default(directory: Path, default: bool) -> None:
    """Mark a checkpoint as a default, or no longer. Raises CheckpointError."""
    _, files = read_verified(directory)
    config = parse_json(directory / CONFIG, files.get(CONFIG))
    config.pop("default", None)
    if default:
        training = config.pop("training", {})  # stays last: it is long
        config |= {"default": True, "training": training}
    replace_files(directory, {CONFIG: to_json(config)})


def _retired(directory: Path) -> Path:
    return directory.with_name(directory.name + ".old")


def recover(directory: Path) -> None:
    """Put back the old checkpoint where replacing it was cut off between its two renames."""
    if _retired(directory).exists() and not directory.exists():
        _retired(directory).rename(directory)


def to_json(value: Any) -> bytes:
    """JSON as files keep it: indented, ending in a newline. Raises ModelError for a number that is not finite."""
    return (dumps(value, indent=2) + "\n").encode("utf-8")


def read_verified(directory: Path) -> tuple[str, dict[str, bytes]]:
    """The manifest's checksum and the files it lists, each proven to be what was written."""
    recover(directory)
    if not directory.is_dir():
        raise CheckpointError(f"{directory}: no such checkpoint directory")
    content = read(directory / MANIFEST)
    manifest = parse_json(directory / MANIFEST, content)
    files: dict[str, bytes] = {}
    try:
        listed = {str(name): (str(entry["sha256"]), int(entry["bytes"])) for name, entry in manifest["files"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise CheckpointError(f"{directory / MANIFEST}: not a list of files with sha256 and bytes") from None
    for name, (sha256, size) in listed.items():
        if Path(name).name != name:
            raise CheckpointError(f"{directory / MANIFEST}: {name!r} is not a file name")
        files[name] = read(directory / name)
        if len(files[name]) != size:
            raise CheckpointError(
                f"{directory / name}: {len(files[name])} bytes, but the manifest says {size}: truncated?"
            )
        if hashlib.sha256(files[name]).hexdigest() != sha256:
            raise CheckpointError(f"{directory / name}: altered: its SHA-256 is not the manifest's")
    return hashlib.sha256(content).hexdigest(), files


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path}: missing") from None
    except OSError as error:
        raise CheckpointError(f"{path}: can't be read: {error}") from None


def parse_json(path: Path, content: bytes | None) -> dict[str, Any]:
    if content is None:
        raise CheckpointError(f"{path}: missing")
    try:
        # Older versions wrote NaN and infinities, which are no JSON: they are read as null.
        value = json.loads(content, parse_constant=lambda _: None)
    except ValueError as error:
        raise CheckpointError(f"{path}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: not a JSON object")
    return value
