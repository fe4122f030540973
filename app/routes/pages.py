"""The pages for people: the API page, its assets served from here, so that it works offline."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, RedirectResponse

STATIC = Path(__file__).parent.parent / "static"
ASSETS = "/static/swagger-ui"


def router() -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    routes.add_api_route("/", home, methods=["GET"], response_class=RedirectResponse)
    routes.add_api_route("/docs", docs, methods=["GET"], response_class=HTMLResponse)
    return routes


async def home() -> RedirectResponse:
    return RedirectResponse("/docs")


async def docs() -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Carousel",
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon-32x32.png",
        swagger_ui_parameters={"tryItOutEnabled": True, "validatorUrl": None},
    )
