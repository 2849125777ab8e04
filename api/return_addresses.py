"""Addresses to go to after the sign-in."""

from __future__ import annotations

import re
from typing import Final

_LOCAL_PATH: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,2000}")


def local_path(address: str | None) -> str:
    """Return an address if it is a path of this server, else `/`: no link may lead to another site after the sign-in."""
    return address if address and _LOCAL_PATH.fullmatch(address) else "/"
