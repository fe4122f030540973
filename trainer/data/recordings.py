"""Recordings of spoken words as a source: a folder of WAV or FLAC files, or a tar archive of one.

A file's name has its text, the voice and the number of the take: `3_george_17.wav`. A digit is read as its English
name. What is taken of a folder is chosen by a condition on voice and take:

    recordings:PATH[#take=10-49;voice=george,lucas;voice!=theo]
"""

import hashlib
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models.errors import DataError, SoundError
from models.sound import SoundLimits, Wave, read_sound
from models.tables.lines import unreadable
from models.text.digits import DIGITS
from trainer.data.files import Row, checksum
from trainer.data.skipped import Skipped

PREFIX = "recordings:"
FORM = "recordings:PATH[#CONDITION;…], where a CONDITION is voice=NAME,…  voice!=NAME,…  or take=FIRST-LAST"
_NAME = re.compile(r"(?P<text>[^_/]+)_(?P<voice>[^_/]+)_(?P<take>\d+)\.(wav|flac)")
_TAKES = re.compile(r"(\d+)(?:-(\d+))?")


@dataclass(frozen=True)
class Spoken:
    """A recording: what is said, by whom, and the file's content."""

    text: str
    voice: str
    take: int
    content: bytes

    def wave(self, rate: int) -> Wave:
        """Its samples (N,) at a rate. Raises DataError."""
        try:
            return read_sound(self.content, rate, SoundLimits())
        except SoundError as error:
            raise DataError(f"{self.text}_{self.voice}_{self.take}: {error}") from None


@dataclass(frozen=True)
class RecordingSource:
    """Some recordings of a folder or an archive, in the order of their names; a row is the text of one."""

    name: str
    path: Path
    condition: str = ""

    def rows(self, skipped: Skipped | None = None) -> Iterator[Row]:  # noqa: ARG002 (nothing is left out)
        return ((one.text,) for one in self.recordings())

    def recordings(self) -> Iterator[Spoken]:
        """Raises DataError where nothing can be read, or none fits the condition."""
        fits = _conditions(self.name, self.condition)
        files = {name: match for name in self._names() if (match := _NAME.fullmatch(name.rpartition("/")[2]))}
        chosen = {name: match for name, match in files.items() if fits(match["voice"], int(match["take"]))}
        if not chosen:
            raise DataError(f"{self.name}: none of {len(files):,} recordings named TEXT_VOICE_TAKE.wav is meant")
        contents = self._contents(chosen)
        for name in sorted(chosen):
            match = chosen[name]
            yield Spoken(_word(match["text"]), match["voice"], int(match["take"]), contents(name))

    def describe(self) -> dict[str, str]:
        """The checksum of an archive, or of a folder's recordings."""
        if not self.path.is_dir():
            return {"name": self.name, "sha256": checksum(self.path)}
        sums = "\n".join(checksum(self.path / name) for name in sorted(self._names()))
        return {"name": self.name, "sha256": hashlib.sha256(sums.encode()).hexdigest()}

    def _names(self) -> list[str]:
        if self.path.is_dir():
            return [str(path.relative_to(self.path)) for path in self.path.rglob("*") if _NAME.fullmatch(path.name)]
        return [member.name for member in self._archive() if member.isfile()]

    def _contents(self, names: "dict[str, re.Match[str]]") -> Callable[[str], bytes]:
        """What reads a file by its name. An archive is read once: it has no index, so each name is a search."""
        if self.path.is_dir():
            return lambda name: (self.path / name).read_bytes()
        with tarfile.open(self.path) as archive:
            read = ((member.name, archive.extractfile(member)) for member in archive if member.name in names)
            return {name: file.read() for name, file in read if file}.__getitem__

    def _archive(self) -> list[tarfile.TarInfo]:
        try:
            with tarfile.open(self.path) as archive:
                return archive.getmembers()
        except (OSError, tarfile.TarError) as error:
            raise unreadable(self.path, error) from None


def parse_recordings(name: str, root: Path) -> RecordingSource:
    """Parse a name. Raises DataError for a condition of another form."""
    path, _, condition = name.removeprefix(PREFIX).partition("#")
    _conditions(name, condition)
    return RecordingSource(name, root / path, condition)


def _conditions(name: str, text: str) -> Callable[[str, int], bool]:
    """Whether a voice and a take fit all conditions."""
    tests: list[Callable[[str, int], bool]] = []
    for part in filter(None, text.split(";")):
        field, _, value = part.partition("=")
        takes = _TAKES.fullmatch(value)
        if field in ("voice", "voice!") and value:
            tests.append(_voice_test(frozenset(value.split(",")), field == "voice"))
        elif field == "take" and takes:
            tests.append(_take_test(int(takes[1]), int(takes[2] or takes[1])))
        else:
            raise DataError(f"{name}: not of the form {FORM}")
    return lambda voice, take: all(test(voice, take) for test in tests)


def _voice_test(voices: frozenset[str], within: bool) -> Callable[[str, int], bool]:
    return lambda voice, _: (voice in voices) == within


def _take_test(first: int, last: int) -> Callable[[str, int], bool]:
    return lambda _, take: first <= take <= last


def _word(text: str) -> str:
    return DIGITS["en"][int(text)] if text in tuple("0123456789") else text
