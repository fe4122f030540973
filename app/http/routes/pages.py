"""The playground and the API page. All their files are served from here, so that they work offline."""

from pathlib import Path
from typing import Any

from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse, Response
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


ASSETS = "static/swagger-ui"
"""Relative to the page's address, as all its links are: a proxy may serve it under a prefix."""


async def home() -> FileResponse:
    return FileResponse(PLAYGROUND / "index.html", headers=PAGE_HEADERS)


async def docs() -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Carousel",
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon-32x32.png",
        swagger_ui_parameters={"tryItOutEnabled": True, "validatorUrl": None},
    )
