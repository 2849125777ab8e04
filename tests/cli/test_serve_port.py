"""The port that `serve` takes if its own is in use."""

from __future__ import annotations

import socket

import pytest

from cli.commands.serve import PORTS_TO_TRY, _listen
from cli.errors import CommandFailed
from cli.settings import Settings


@pytest.fixture
def busy_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_busy_default_port_is_replaced_by_the_next_free_one(busy_port, monkeypatch, capsys):
    """The port that no one chose is replaced, and the message names both."""
    monkeypatch.delenv("DECISIONLOG_PORT", raising=False)
    settings = Settings()
    monkeypatch.setitem(settings.__dict__, "port", busy_port)

    with _listen(settings) as listener:
        taken = listener.getsockname()[1]

    assert busy_port < taken < busy_port + PORTS_TO_TRY
    assert capsys.readouterr().out == f"Port {busy_port} is in use; using {taken} instead.\n"


@pytest.mark.parametrize("chosen_by", ["option", "environment"])
def test_a_busy_port_that_was_chosen_is_refused(busy_port, monkeypatch, chosen_by):
    """Who asks for a port gets this one or an error that says what to do."""
    if chosen_by == "environment":
        monkeypatch.setenv("DECISIONLOG_PORT", str(busy_port))
        settings = Settings()
    else:
        settings = Settings(port=busy_port)

    with pytest.raises(CommandFailed, match=f"port {busy_port}: the port is in use. Choose another"):
        _listen(settings)
