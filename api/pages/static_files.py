"""The style sheet, scripts and fonts of the pages, served from memory under names that contain their hashes."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from fastapi import Request, Response

from api.problems import HttpProblem

FOLDER: Final = Path(__file__).parent / "static"
PATH: Final = "/static"
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_URL: Final = re.compile(r'url\("([^":]+)"\)')
_HEADERS: Final = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent: plain, and compressed where that makes it smaller."""

    address: str
    media_type: str
    body: bytes
    compressed: bytes | None


@cache
def load_static_files() -> dict[str, StaticFile]:
    """Return every static file by its name in the folder. The addresses in style sheets contain hashes, too."""
    names = sorted((each.name for each in FOLDER.iterdir() if each.suffix in _MEDIA_TYPES), key=_is_style_sheet)
    found: dict[str, StaticFile] = {}
    for name in names:
        body = (FOLDER / name).read_bytes()
        if _is_style_sheet(name):
            body = _URL.sub(lambda match: f'url("{found[match[1]].address}")', body.decode()).encode()
        found[name] = _build_file(name, body)
    return found


def _is_style_sheet(name: str) -> bool:
    return name.endswith(".css")


def _build_file(name: str, body: bytes) -> StaticFile:
    stem, dot, suffix = name.rpartition(".")
    address = f"{PATH}/{stem}.{sha256(body).hexdigest()[:12]}{dot}{suffix}"
    smaller = gzip.compress(body, mtime=0)
    return StaticFile(address, _MEDIA_TYPES[dot + suffix], body, smaller if len(smaller) < len(body) else None)


@cache
def _files_by_address() -> dict[str, StaticFile]:
    return {each.address: each for each in load_static_files().values()}


def static_address(name: str) -> str:
    """Return the address of a static file.

    Raises:
        KeyError: there is no such file.
    """
    return load_static_files()[name].address


async def get_static_file(request: Request) -> Response:
    """Return a static file. Its address changes with its content, so it can be cached for a year.

    Raises:
        HttpProblem: 404 for an address without a file.
    """
    file = _files_by_address().get(request.url.path)
    if file is None:
        raise HttpProblem(404, "there is no such file; reload the page that refers to it")
    if file.compressed and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.compressed, media_type=file.media_type, headers={**_HEADERS, "Content-Encoding": "gzip"})
    return Response(file.body, media_type=file.media_type, headers=_HEADERS)
