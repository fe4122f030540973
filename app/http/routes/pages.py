"""The playground and the API page. All their files are served from here, so that they work offline."""

from pathlib import Path
from typing import Any

from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles

STATIC = Path(__file__).parents[2] / "static"
PLAYGROUND = Path(__file__).parents[2] / "playground"
REVALIDATE = "no-cache"
"""Browsers check whether a file has changed: those of the playground must all be of one version."""
PAGE_HEADERS = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": REVALIDATE,
}


class PlaygroundFiles(StaticFiles):
    """The playground's files."""

    def __init__(self) -> None:
        super().__init__(directory=PLAYGROUND)

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = REVALIDATE
        return response


DOCS_HEADERS = PAGE_HEADERS | {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
}
"""Swagger UI's styles and icons are partly in the page itself; what it shows of a file is a blob."""


async def home() -> FileResponse:
    return FileResponse(PLAYGROUND / "index.html", headers=PAGE_HEADERS)


async def docs() -> FileResponse:
    """The API page; its links are relative, as a proxy may serve it under a prefix."""
    return FileResponse(STATIC / "docs.html", headers=DOCS_HEADERS)
