"""Serves the page's files, never cached and under a strict content policy."""

from pathlib import Path
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

WEB: Final = Path(__file__).parents[1] / "web"
_TYPES: Final = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".json": "application/json",
    }
)


async def serve_file(request: Request) -> Response:
    """A file of the page; the bare address is its index."""
    name = str(request.path_params.get("name") or "index.html")
    path = WEB / name
    kind = _TYPES.get(path.suffix)
    if kind is None or "/" in name or name.startswith(".") or not path.is_file():
        return Response("Not found", status_code=404, media_type="text/plain")
    headers = _headers(request.headers["host"])
    return Response(path.read_bytes(), headers=headers | {"Content-Type": kind})


def _headers(host: str) -> dict[str, str]:
    policy = (
        f"default-src 'self'; connect-src 'self' ws://{host}; img-src 'self' data:;"
        " object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
