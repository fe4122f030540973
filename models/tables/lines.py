"""Lines of text files in an encoding, each with its number; a file in another one is refused, never misread."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from models.errors import ConfigError, DataError

Line = tuple[int, str]
"""A line's number, from 1, and its text with its end."""
DELIMITERS = ",;\t|"
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_NAMED = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}


@dataclass(frozen=True)
class TextFormat:
    """The encoding of data files, and the delimiter of .csv files. Raises ConfigError for unknown ones."""

    encoding: str = "utf-8"
    delimiter: str = ""
    """A character; empty: detected."""

    def __post_init__(self) -> None:
        try:
            " ".encode(self.encoding)  # refuses codecs that are not of text
            encoding = codecs.lookup(self.encoding).name
        except (LookupError, ValueError):
            raise ConfigError(
                f"--encoding {self.encoding!r} is unknown; known: utf-8, windows-1254 (Turkish), utf-16 and others"
            ) from None
        object.__setattr__(self, "encoding", "utf-8" if encoding == "utf-8-sig" else encoding)
        delimiter = _NAMED.get(self.delimiter, self.delimiter)
        if len(delimiter) > 1 or delimiter in ("\n", "\r", '"'):
            raise ConfigError(f"--delimiter {self.delimiter!r}: name one character, such as ';' or tab")
        object.__setattr__(self, "delimiter", delimiter)

    def describe(self) -> dict[str, str]:
        """What is not the default, for the record."""
        encoding = {} if self.encoding == "utf-8" else {"encoding": self.encoding}
        return encoding | ({"delimiter": self.delimiter} if self.delimiter else {})


def read_lines(path: Path, form: TextFormat, lenient: bool = False) -> Iterator[Line]:
    """Lines end in LF, and in nothing else that Unicode calls a line's end.

    Raises DataError, naming the line, for what is not in the encoding or has a NUL character, and for a file whose
    lines end in CR alone. Lenient, it does so for the first line and for UTF-16 alone: elsewhere, a byte that is not in
    the encoding becomes a lone surrogate, U+DC80 to U+DCFF, as Python's "surrogateescape" has it.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in _decoded(path, file, form.encoding, lenient):  # type: ignore[arg-type]
                if "\0" in line and (number == 1 or not lenient):
                    raise DataError(
                        f"{path}: line {number}: a NUL character: no text has any; if the file is UTF-16: "
                        "--encoding utf-16"
                    )
                if number == 1 and not line.endswith("\n") and "\r" in line.rstrip("\r"):
                    raise DataError(f"{path}: its lines end in CR alone: save it with other line ends (LF or CR LF)")
                yield number, line
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from None


def has_mark(path: Path) -> bool:
    """Whether a file begins with a byte order mark. Raises OSError."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        return file.read(3).startswith(tuple(_MARKS))


def unreadable(path: Path, error: Exception) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError(f"{path}: no such file")
    return DataError(f"{path}: can't be read: {error}")


def _decoded(path: Path, file: BinaryIO, encoding: str, lenient: bool) -> Iterator[Line]:
    if encoding.startswith(("utf-16", "utf-32")):  # a byte 0x0A is no line's end there
        yield from _decoded_wide(path, file, encoding)
        return
    judged = encoding == "utf-8"
    for number, content in enumerate(file, 1):
        line = _without_mark(path, content, encoding) if number == 1 else content
        if not judged and not line.isascii():
            _refuse_utf8(f"{path}: line {number}", line, encoding)
            judged = True
        try:
            yield number, line.decode(encoding, "surrogateescape" if lenient else "strict")
        except UnicodeDecodeError as error:
            name = "UTF-8" if encoding == "utf-8" else encoding
            hint = "say its encoding, such as --encoding windows-1254" if encoding == "utf-8" else "is it another one?"
            where = f"{path}: line {number}: byte 0x{line[error.start]:02X} is not {name}"
            raise DataError(f"{where}; {hint}, or convert the file first") from None


def _decoded_wide(path: Path, file: BinaryIO, encoding: str) -> Iterator[Line]:
    number = 0
    try:
        with io.TextIOWrapper(file, encoding, newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                yield number, line.removeprefix("\ufeff") if number == 1 else line
    except UnicodeError as error:
        raise DataError(f"{path}: after line {number}: not {encoding}: {error}") from None


def _without_mark(path: Path, line: bytes, encoding: str) -> bytes:
    """A file's first line without a byte order mark. Raises DataError where the mark is that of another encoding."""
    for mark, name in _MARKS.items():
        if line.startswith(mark):
            if name != encoding:
                advice = "leave out --encoding" if name == "utf-8" else f"--encoding {name}"
                raise DataError(f"{path}: it begins as {name.upper()} does, not {encoding.upper()}: {advice}")
            return line[len(mark) :]
    return line


def _refuse_utf8(where: str, line: bytes, encoding: str) -> None:
    """Text of another encoding is hardly ever valid UTF-8; UTF-8 is nearly always valid in one of single bytes."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return
    raise DataError(f"{where}: it is UTF-8, not {encoding}: leave out --encoding")
