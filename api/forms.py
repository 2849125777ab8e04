"""Reading the fields of an HTML form, and addresses to return to."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request

from api.problems import HttpProblem

MAX_FORM: Final = 16 * 1024
"""Bytes: enough for a code, a token of a provider and an address."""
MAX_FIELDS: Final = 20
_MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
_LOCAL_PATH: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,2000}")


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form; of a repeated one, the last value.

    Raises:
        HttpProblem: 415 if it is not a form, 413 if it is too long, 400 if it cannot be read.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MEDIA_TYPE:
        raise HttpProblem(415, f"send the form as {_MEDIA_TYPE}")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_FORM:
            raise HttpProblem(413, f"a form can have {MAX_FORM} bytes", headers={"Connection": "close"})
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise HttpProblem(400, "the form cannot be read") from None


def local_path(address: str | None) -> str:
    """Return an address if it is a path of this server, else `/`: no link may lead to another site after the sign-in."""
    return address if address and _LOCAL_PATH.fullmatch(address) else "/"
