"""The texts and files that a command is given: arguments, or standard input."""

import codecs
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from app.errors import InvalidRequest
from app.settings import PREFIX, Settings


@dataclass(frozen=True)
class Limit:
    """A setting that limits the length of a text."""

    field: str

    def check(self, text: str, settings: Settings, source: str) -> None:
        """Raise InvalidRequest for a text that is longer, naming the setting."""
        limit = getattr(settings, self.field)
        if len(text) > limit:
            name = f"{PREFIX}{self.field.upper()}"
            raise InvalidRequest(f"{len(text):,} characters; at most {limit:,} are allowed ({name})", source)


def read_texts(arguments: list[str] | None, lines: bool, settings: Settings, limit: Limit) -> list[str]:
    """Each argument is a text; without any, standard input is one, or each of its lines that is not blank.

    Raises InvalidRequest for what is no text, blank, or too long, naming where it is.
    """
    if arguments:
        texts = {f"text {number}" if len(arguments) > 1 else "text": text for number, text in enumerate(arguments, 1)}
        _mention_files(arguments)
    else:
        if sys.stdin.isatty():
            sys.stderr.write("reading text from the terminal; Ctrl-D on an empty line ends it\n")
        whole = _decode(sys.stdin.buffer.read()).removesuffix("\n")
        numbered = enumerate(whole.splitlines(), 1) if lines else ()
        texts = {f"standard input, line {number}": line for number, line in numbered if line.strip()}
        texts = texts or {"standard input": whole}
    for source, text in texts.items():
        if not text.strip():
            raise InvalidRequest("there is no text; write it as an argument, in quotes, or send a file: < FILE", source)
        limit.check(text, settings, source)
    return list(texts.values())


def _mention_files(arguments: list[str]) -> None:
    """Say of an argument that is a file's name that the name is the text: the file was probably meant."""
    for argument in arguments:
        if len(argument) < 256 and os.path.isfile(argument):  # noqa: PTH113 (false, where Path raises: names too long)
            sys.stderr.write(f"note: {argument} is taken as a text; to read that file: < {argument}\n")


def read_file(path: Path, settings: Settings) -> bytes:
    """The content of a file, or of standard input for `-`.

    Raises InvalidRequest where it can't be read, or is larger than the service would take.
    """
    limit = settings.max_body_bytes
    try:
        content = sys.stdin.buffer.read(limit + 1) if str(path) == "-" else _read_at_most(path, limit + 1)
    except OSError as error:
        raise InvalidRequest(f"can't be read: {error.strerror}", str(path)) from None
    if len(content) > limit:
        raise InvalidRequest(f"at most {limit:,} bytes are allowed ({PREFIX}MAX_BODY_BYTES)", str(path))
    return content


def _read_at_most(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)


def _decode(content: bytes) -> str:
    """Standard input as text. Raises InvalidRequest where it is binary, or in another encoding."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InvalidRequest("text in UTF-16; iconv -f UTF-16 -t UTF-8 converts it", "standard input")
    if b"\0" in content:
        raise InvalidRequest(f"binary data: a zero byte at {content.index(0):,}; it must be text", "standard input")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"binary data, or text in another encoding: byte {error.start:,} is no UTF-8; "
            "iconv -f windows-1254 -t UTF-8 converts text, if that is its encoding",
            "standard input",
        ) from None
