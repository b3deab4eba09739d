"""The description of the API for people: Swagger UI to try it out, Redoc to read. Nothing comes from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.http.api_mount import PATH

ASSETS = Path(__file__).with_name("assets")
MARK = ASSETS.parent.parent / "ui" / "assets" / "mark.svg"
# Its static files only: it ships Swagger UI (Apache-2.0) and Redoc (MIT).
PACKAGE, FOLDER = "fastapi-offline", "fastapi_offline"
# Redoc shows a picture from its makers' server, which our policy forbids. It leaves out one that does not load.
REDOCS_LOGO, NO_PICTURE = b"https://cdn.redoc.ly/redoc/logo-mini.svg", b"data:,"
SCRIPT, STYLE = "text/javascript", "text/css"

Handler = Callable[[Request], Response]


class Asset(NamedTuple):
    """A file of these pages: where it lies and what it is."""

    path: Path
    media_type: str
    is_theirs: bool = False


def routes() -> list[Route]:
    """Return the pages and their files."""
    theirs = Path(str(files(FOLDER))) / "static"
    assets = {
        "mark.svg": Asset(MARK, "image/svg+xml"),
        "reference.css": Asset(ASSETS / "reference.css", STYLE),
        "docs.js": Asset(ASSETS / "docs.js", SCRIPT),
        "redoc.js": Asset(ASSETS / "redoc.js", SCRIPT),
        "swagger-ui.css": Asset(theirs / "swagger-ui.css", STYLE, is_theirs=True),
        "swagger-ui-bundle.js": Asset(theirs / "swagger-ui-bundle.js", SCRIPT, is_theirs=True),
        "redoc.standalone.js": Asset(theirs / "redoc.standalone.js", SCRIPT, is_theirs=True),
    }
    return [
        Route("/docs", _page("docs", "API", "swagger-ui-bundle.js", "swagger-ui.css")),
        Route("/redoc", _page("redoc", "API reference", "redoc.standalone.js")),
        *(Route(f"/reference/{name}", _file(asset)) for name, asset in assets.items()),
    ]


def _page(name: str, title: str, library: str, *styles: str) -> Handler:
    # The libraries are kept by browsers for a week; a new version has a new address.
    installed = version(PACKAGE)
    links = (f'<link rel="stylesheet" href="{PATH}/reference/{style}?v={installed}">' for style in styles)
    html = Template((ASSETS / "reference.html").read_text("utf-8")).substitute(
        title=title,
        root=PATH,
        styles="".join(links),
        docs=' aria-current="page"' if name == "docs" else "",
        redoc=' aria-current="page"' if name == "redoc" else "",
        library=f"{library}?v={installed}",
        script=f"{name}.js",
    )

    def show(_request: Request) -> Response:
        return HTMLResponse(html)

    return show


def _file(asset: Asset) -> Handler:
    kept = "public, max-age=604800" if asset.is_theirs else "no-cache"

    def send(_request: Request) -> Response:
        return Response(_content(asset.path), media_type=asset.media_type, headers={"Cache-Control": kept})

    return send


def _content(path: Path) -> bytes:
    return path.read_bytes().replace(REDOCS_LOGO, NO_PICTURE)
