"""The settings that `serve` passes to the application."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import pytest

from cli.commands import serve
from cli.settings import Settings

CLI = Path(serve.__file__).parents[1]


class Built(Exception):
    """The application would be built now."""


def test_the_origins_of_the_settings_may_call_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each origin of the list is passed on, without the blanks around it."""

    def build(*_: Any, cors_origins: list[str]) -> Any:
        raise Built(*cors_origins)

    monkeypatch.setattr(serve, "create_app", build)
    settings = Settings(cors_origins="https://one.example, https://two.example:8080")

    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(Built) as built:
        serve._run(None, listener, settings, lambda: None)  # type: ignore[arg-type]

    assert built.value.args == ("https://one.example", "https://two.example:8080")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_read(name: str) -> None:
    """A setting that nothing reads would do nothing, silently."""
    assert any(re.search(rf"\.{name}\b", path.read_text(encoding="utf-8")) for path in CLI.rglob("*.py"))
