"""Forms: texts in UTF-8, or else they are refused, never misread, and files."""

import codecs
import re

from fastapi import Request
from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message

from app.errors import InvalidRequest

MULTIPART = "multipart/form-data"
_CHARSET = re.compile(r";\s*charset\s*=\s*(\"[^\"]*\"|[^\s;]*)", re.IGNORECASE)
_SUBSETS = ("utf-8", "ascii")
"""As Python names them: what is UTF-8, or reads the same in it."""


def check_charset(content_type: str) -> None:
    """Raise InvalidRequest for a content type that names another charset than UTF-8."""
    for named in _CHARSET.findall(content_type):
        name = named.strip("\"'")
        try:
            known = not name or codecs.lookup(name).name in _SUBSETS
        except (LookupError, ValueError):  # ValueError: a NUL in the name
            known = False
        if not known:
            raise InvalidRequest("its fields are not in UTF-8, as the content type says")


async def read_multipart(
    request: Request, content: bytes, max_fields: int, max_files: int = 0
) -> list[tuple[str, str | bytes]]:
    """The fields of a multipart form in their order: names with texts, or with the bytes of files.

    Raises InvalidRequest where it is none, has more fields or files, or texts that are not in UTF-8.
    """
    content_type = request.headers.get("content-type", "")
    check_charset(content_type)

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    # Starlette would read what is not UTF-8 as Latin-1. Told to read all as Latin-1, it keeps the bytes.
    headers = Headers({"content-type": f"{_CHARSET.sub('', content_type)}; charset=latin-1"})
    whole = Request({"type": "http", "app": request.app, "headers": headers.raw}, receive)
    try:
        async with whole.form(max_files=max_files, max_fields=max_fields) as form:
            return [
                (_text(name), await value.read() if isinstance(value, UploadFile) else _text(value))
                for name, value in form.multi_items()
            ]
    except HTTPException:
        files = "one file" if max_files else "no file"
        raise InvalidRequest(f"it is not a form of at most {max_fields} fields and {files}") from None


def _text(latin: str) -> str:
    try:
        return latin.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest("its fields are not in UTF-8") from None
