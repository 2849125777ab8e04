"""A reader of pages."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from tests.support_log import LocalService


class PageReader:
    """Gets pages as the person ada, once they cover everything that was recorded."""

    def __init__(self, service: LocalService) -> None:
        self.service = service

    def get(self, path: str, status: int = 200, **parameters: Any) -> str:
        response = self.service.client.get(
            path, params={"min_position": self.service.log.head().size, **parameters}, headers={"Accept": "text/html"}
        )
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        return response.text


def text_of(html: str) -> str:
    """What a reader sees of a page, with single blanks."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())
